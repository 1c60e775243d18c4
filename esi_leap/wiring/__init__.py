"""Build the programs: `parts` has their shared parts, and each program has a module.

Only `cmd`, `wsgi` and the fixture import this package. A program's module imports what only that
program needs, so that the manager runs without Pecan and websockets.
"""
