"""Fingerprint of the code that this process imported, for what is kept between runs."""

import hashlib
from pathlib import Path

import rsft


def code_fingerprint(*names: str) -> str:
    """Hash of files and folders below ``rsft``.

    Call it where the code is imported: a file edited since is not what computes.

    Args:
        names: Which, such as ``policy`` or ``types.py``.
    """
    root = Path(rsft.__file__).parent
    places = [root / name for name in names]
    files = [f for place in places for f in ([place] if place.is_file() else place.rglob("*.py"))]
    digest = hashlib.sha256()
    for file in sorted(files):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root)} {len(content)}\n".encode() + content)
    return digest.hexdigest()
