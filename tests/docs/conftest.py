"""The documentation's own Sphinx extensions, importable as Sphinx sees them."""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / 'doc'))

with warnings.catch_warnings():
    # WebOb reads a module that Python 3.11 and 3.12 warn of; it does without from 3.13 on.
    warnings.filterwarnings('ignore', "'cgi' is deprecated", DeprecationWarning)
    import esi_leap.api.app  # noqa: F401
