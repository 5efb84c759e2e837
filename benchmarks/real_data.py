"""Three rounds on GSM8K's problems of at most two calculations, with a policy made from scratch.

    python -m benchmarks.real_data ../shared/data/gsm8k

Runs ``examples/gsm8k-scratch`` in a clone of this checkout's commit, so that nothing here is
touched, and adds what came out to ``docs/log.md``. The folder must hold GSM8K's ``train.jsonl`` and
``test.jsonl``.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from rsft.report.tables import result_markdown

ROOT = Path(__file__).parents[1]
EXAMPLE = Path("examples/gsm8k-scratch/params.yaml")
DEFAULT = ROOT.parent / "shared" / "data" / "gsm8k"


def main() -> None:
    """Runs the example and records it."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    files = [source / "train.jsonl", source / "test.jsonl"]
    missing = [str(file) for file in files if not file.exists()]
    if missing:
        sys.exit(
            f"error: {', '.join(missing)}: not there; name the folder that holds GSM8K's files"
        )
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "rsft"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        shutil.copy(clone / EXAMPLE, clone / "params.yaml")
        for file in files:
            shutil.copy(file, clone / "data" / "raw" / file.name)
        done = subprocess.run(
            [sys.executable, "-m", "rsft", "run", "--json"],
            cwd=clone,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    summary = json.loads(done.stdout)
    with (ROOT / "docs" / "log.md").open("a", encoding="utf-8") as log:
        log.write(entry(summary))
    print(entry(summary))


def entry(summary: Mapping[str, Any]) -> str:
    """The log's entry for a run."""
    rounds = summary["rounds"]
    kept = ", ".join(f"{r['accepted']:,} of {r['candidates']:,}" for r in rounds)
    return (
        f"\n## {date.today()}: GSM8K, at most two calculations, from scratch\n\n"
        f"`python -m benchmarks.real_data`, {summary['seconds']['total']:.0f} s on two cores. "
        f"{rounds[0]['prompts']:,} prompts sampled; accepted per round: {kept}.\n\n"
        f"{result_markdown(summary)}\n"
        f"Gain {summary['gain']['points']:+.1f} points "
        f"[{summary['gain']['low']:.1f}, {summary['gain']['high']:.1f}], "
        f"McNemar's p {summary['gain']['p_value']:.2g}; "
        f"{summary['model']['reason']}.\n"
    )


if __name__ == "__main__":
    main()
