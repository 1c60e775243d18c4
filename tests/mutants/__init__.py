"""Changes of one line of the core that a fast test has to notice: `python -m tests.mutants`."""
