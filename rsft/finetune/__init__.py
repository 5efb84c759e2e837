"""Training a policy on weighted rows: the loss and the loop."""

from rsft.finetune.train import train

__all__ = ["train"]
