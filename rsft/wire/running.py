"""Coroutines run from ordinary code, the first failure ending them all."""

import asyncio
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

_T = TypeVar("_T")


async def gather_all(coroutines: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """As ``asyncio.gather``, but the first failure ends the others."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run_coroutine(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """As ``asyncio.run``, also where this thread runs a loop already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()
