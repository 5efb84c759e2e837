"""Rejection-sampling fine-tuning as a retraining pipeline: scheduled, audited, trusted."""
