"""Sphinx directives that read the code, so that the documentation cannot fall behind it."""
