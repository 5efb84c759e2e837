"""The flows that Prefect runs. Thin: what a stage does is in ``rsft``."""
