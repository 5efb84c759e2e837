"""Whether a deployed commit is Python at all, asked before Prefect loads the flow from it.

A flow that cannot be imported is ``Crashed`` with "status code 1" for a reason; asked here first,
the run is ``Failed`` with the file and the line. It imports nothing of this project, since anything
of the commit may be what is broken.
"""

import os
import py_compile
import sys
from pathlib import Path
from uuid import UUID


def main() -> int:
    """Compiles the flows and what they import, which their import then needs not do again."""
    problem = find_unreadable(Path())
    if problem is None:
        return 0
    print(problem, file=sys.stderr)
    run = os.environ.get("PREFECT__FLOW_RUN_ID")
    if run is not None:
        _fail(UUID(run), problem)
    return 1


def find_unreadable(root: Path) -> str | None:
    """What of a checkout's code is no Python; null where all is.

    Args:
        root: The checkout.
    """
    files = (file for folder in ("flows", "rsft") for file in root.glob(f"{folder}/**/*.py"))
    for file in sorted(files):
        try:
            py_compile.compile(str(file), doraise=True)
        except py_compile.PyCompileError as error:
            raised = error.exc_value
            line = f":{raised.lineno}" if isinstance(raised, SyntaxError) and raised.lineno else ""
            told = raised.msg if isinstance(raised, SyntaxError) else str(raised)
            return (
                f"{file}{line}: no Python that can be read ({told}); mend it and commit: scheduled "
                "runs work at the checkout's commit"
            )
    return None


def _fail(run: UUID, problem: str) -> None:
    from prefect.client.orchestration import get_client
    from prefect.states import Failed

    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run, Failed(message=problem), force=True)


if __name__ == "__main__":
    sys.exit(main())
