"""What the benchmarks that kill share: how they are asked, and how they end."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn


def parser(document: str, kills: int) -> argparse.ArgumentParser:
    """Takes the number of kills, and whether JSON is wanted."""
    made = argparse.ArgumentParser(description=document.splitlines()[0])
    made.add_argument("--json", action="store_true", help="end with one JSON document")
    made.add_argument("--kills", type=int, default=kills)
    return made


def conclude(
    results: Sequence[dict[str, Any]], same: str, *, as_json: bool, **settings: int
) -> NoReturn:
    """Says how many kills ended as if they had not been; exits with 1 where one did not."""
    count = sum(result["is_same"] for result in results)
    print(f"{count} of {len(results)} end in {same}")
    if as_json:
        print(json.dumps({**settings, "results": results}))
    sys.exit(0 if count == len(results) else 1)
