"""Rejection-sampling fine-tuning as a retraining pipeline: scheduled, audited, trusted."""

import contextlib
import ctypes
import os
import time

IMPORTED_AT = time.time()
"""When this code was imported, in seconds since 1970: a file changed since is not what runs."""

# Read when torch's OpenMP loads. Its threads wait for each other by spinning, and on a machine
# that others use too the default made a training step 20 times slower; less costs nothing alone.
os.environ.setdefault("GOMP_SPINCOUNT", "5000")

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -2, -4, -8


def _keep_freed_memory() -> None:
    """Has glibc reuse large blocks, which by default go back to the system when they are freed.

    A decoding step frees and takes several tensors of the size of the logits, and each page that
    comes back is zeroed first: a tenth of the time in float32, a sixth in bfloat16. It must be
    said before there are threads, and for one arena, since only the first can hold large blocks.
    """
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_ARENA_MAX, 1)
    libc.mallopt(_M_MMAP_MAX, 0)
    libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    libc.mallopt(_M_TOP_PAD, 2**26)


with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
    _keep_freed_memory()
