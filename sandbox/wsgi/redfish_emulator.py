"""The emulator of sushy-tools, whose fake machine changes its power within a second.

The emulator draws a delay of one to eleven seconds for each change.
"""

import random
import sys
from types import SimpleNamespace

from sushy_tools.emulator import main
from sushy_tools.emulator.resources.systems import fakedriver


def _shortest(low: int, high: int) -> int:
    """Return the lower one of the limits between which the emulator draws."""
    del high
    return low


if fakedriver.random is not random:
    raise SystemExit('This sushy-tools draws its delays otherwise than this sandbox knows.')
fakedriver.random = SimpleNamespace(randint=_shortest)
sys.exit(main.main())
