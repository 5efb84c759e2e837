"""What people look at: the run's summary, its tables, its progress."""
