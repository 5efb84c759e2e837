"""Rejection-sampling fine-tuning as a retraining pipeline: scheduled, audited, trusted."""

import os

# Read when torch's OpenMP loads. Its threads wait for each other by spinning, and on a machine
# that others use too the default made a training step 20 times slower; less costs nothing alone.
os.environ.setdefault("GOMP_SPINCOUNT", "5000")
