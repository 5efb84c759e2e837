"""DVC's run-cache: what came of a stage, by what it was given."""

from pathlib import Path

from rsft.lineage.cache import OBJECTS, Cache
from rsft.lineage.inside import glob_inside
from rsft.lineage.yaml12 import load_yaml

_OUTS = b"\nouts:\n"


def read_run_cache(cache: Cache) -> dict[Path, frozenset[str]]:
    """Hashes of a stage's outputs by the file that says so; none where that cannot be read."""
    folder = cache.folder.parents[len(OBJECTS.parts) - 1] / "runs"
    return {file: _outs(file) for file in glob_inside(folder, "??/*/*") if file.is_file()}


def _outs(file: Path) -> frozenset[str]:
    content = file.read_bytes()
    try:
        # They come last, after many times as much that has no say here.
        outs = load_yaml(content[content.rindex(_OUTS) :])["outs"]
        return frozenset(out["md5"] for out in outs)
    except (ValueError, KeyError, TypeError):
        return frozenset()
