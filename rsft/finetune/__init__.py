"""Training a policy on weighted rows: the loss and the loop."""

from rsft.finetune.checkpoints import Checkpoints
from rsft.finetune.history import Training
from rsft.finetune.job import Job
from rsft.finetune.train import train

__all__ = ["Checkpoints", "Job", "Training", "train"]
