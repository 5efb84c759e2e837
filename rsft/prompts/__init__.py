"""Prompts: where they come from, their splits, and worked solutions over their numbers."""
