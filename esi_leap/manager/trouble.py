"""Errors in the repeated work of a manager: logged and counted, and the work goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from esi_leap.core.errors import LeapError
from esi_leap.manager.deps import Meter

_LOG = logging.getLogger(__name__)


@contextmanager
def note_errors(meter: Meter, work: str) -> Iterator[None]:
    """Log and count an error of the block, and go on after the block: the work is repeated anyway.

    Args:
        meter: counts the error.
        work: name of the work, for the log.
    """
    try:
        yield
    except LeapError as error:
        _LOG.warning('%s: %s', work, error.message)
        meter.failed(error.code)
    except Exception:  # noqa: BLE001 - whatever it is, the work is repeated
        _LOG.exception('%s failed', work)
        meter.failed(LeapError.code)
