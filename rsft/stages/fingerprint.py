"""What computes: the code that this process imported, and the machine.

For what is kept between runs, and for machines that take part in one.
"""

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import torch

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


def versions_of(libraries: Iterable[str]) -> dict[str, str]:
    """Versions of packages, by what messages call them."""
    return {f"version of {name}": version(name) for name in libraries}


def machine_of(code: str, libraries: Iterable[str], device: str | None = None) -> dict[str, str]:
    """What two machines that compute the same bytes have in common, beside the settings.

    Args:
        code: Fingerprint of the code that computes.
        libraries: Packages that it computes by.
        device: What models are computed on, as ``runtime.device``, where it is to be the same.
    """
    machine = versions_of(libraries) | {
        "code": code[:12],
        "Python": platform.python_version(),
        "processor": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
    }
    if device is not None:
        machine["device"] = torch.cuda.get_device_name() if device == "cuda" else device
    return machine
