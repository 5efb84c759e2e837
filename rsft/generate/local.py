"""The engines that draw in this process."""

from rsft.config import RuntimeSection
from rsft.generate.engine import Engine
from rsft.generate.native import NativeEngine
from rsft.policy import Policy


def local_engine(name: str, policy: Policy, version: str, runtime: RuntimeSection) -> Engine:
    """An engine over a policy.

    Args:
        name: ``transformers`` for ``model.generate``; else the native one.
        policy: What is drawn from.
        version: Its version, which candidates are marked with.
        runtime: The batch plan.
    """
    if name == "transformers":
        from rsft.generate.transformers import GenerateEngine

        return GenerateEngine(
            policy, version, memory_gib=runtime.memory_gib, max_rows=runtime.max_rows
        )
    return NativeEngine(policy, version, memory_gib=runtime.memory_gib, max_rows=runtime.max_rows)
