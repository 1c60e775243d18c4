"""What programs leave behind that run in the process of the tests."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Take a program's handlers out of the log: they write to a stream that is closed soon."""
    yield
    ours = type(caplog.handler).__module__
    for handler in logging.root.handlers[:]:
        if type(handler).__module__ != ours:
            logging.root.removeHandler(handler)
