"""The machine that policies are computed on: kernel threads and device."""

import torch

from rsft.config import RuntimeSection
from rsft.errors import ConfigurationError


def use_machine(section: RuntimeSection) -> torch.device:
    """Sets the threads of this process's kernels, part of what makes two runs the same to the bit.

    Returns:
        The device that policies are to be moved to.

    Raises:
        ConfigurationError: Where the device is not there.
    """
    torch.set_num_threads(section.threads)
    if section.device == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError("runtime.device = 'cuda': no such device is here; set it to cpu")
    return torch.device(section.device)
