"""What a manager does again and again goes on, whatever goes wrong with it once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from esi_leap.core.errors import LeapError
from esi_leap.manager.deps import Meter

_LOG = logging.getLogger(__name__)


@contextmanager
def noted(meter: Meter, what: str) -> Iterator[None]:
    """Log and count what goes wrong inside, and go on after it: the next time comes.

    Args:
        meter: who counts it.
        what: what is being done, for the log.
    """
    try:
        yield
    except LeapError as error:
        _LOG.warning('%s: %s', what, error.message)
        meter.failed(error.code)
    except Exception:  # noqa: BLE001 - whatever it is, the next time comes
        _LOG.exception('%s failed', what)
        meter.failed(LeapError.code)
