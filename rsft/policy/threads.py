"""The thread count of torch's CPU kernels: part of what makes two runs the same to the bit."""

import torch


def use_threads(threads: int) -> None:
    """Sets the threads of this process's kernels."""
    torch.set_num_threads(threads)
