"""A run whose worker was killed: nobody reads what it prints."""

import subprocess
import sys
from pathlib import Path

import pytest

PRINTS = """
import sys
from pathlib import Path
from rich.console import Console
from flows.outliving import outlive_worker
if {outlives}:
    outlive_worker()
input()
console = Console(file=sys.stderr)
for number in range(3):
    console.print(number)
    print(number, flush=True)
Path(sys.argv[1]).touch()
"""


@pytest.mark.parametrize("outlives", [True, False])
def test_it_goes_on(tmp_path: Path, outlives: bool) -> None:
    """Without, it would end, which is what there is a remedy for."""
    done = tmp_path / "done"
    process = subprocess.Popen(
        [sys.executable, "-c", PRINTS.format(outlives=outlives), str(done)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    for output in (process.stdout, process.stderr):
        assert output is not None
        output.close()
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.close()
    assert (process.wait() == 0) == outlives
    assert done.exists() == outlives
