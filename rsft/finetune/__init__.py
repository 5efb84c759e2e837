"""Training a policy on weighted rows: the loss and the loop."""

from rsft.finetune.train import Training, train

__all__ = ["Training", "train"]
