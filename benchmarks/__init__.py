"""Measurements, each a module to run: ``python -m benchmarks.side_by_side`` and its neighbours."""
