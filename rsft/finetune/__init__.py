"""Training a policy on weighted rows: the loss and the loop."""

from rsft.finetune.checkpoints import Checkpoints
from rsft.finetune.history import Training
from rsft.finetune.hosts import Meeting
from rsft.finetune.job import Job
from rsft.finetune.joining import join
from rsft.finetune.train import train

__all__ = ["Checkpoints", "Job", "Meeting", "Training", "join", "train"]
