"""A service for each file of tests."""

import warnings
from collections.abc import Iterator

import pytest

with warnings.catch_warnings():
    # WebOb imports a module that Python 3.13 leaves to a package of its own.
    warnings.filterwarnings('ignore', "'cgi' is deprecated", DeprecationWarning)
    import esi_leap.api.app  # noqa: F401 - fills the route table, also for a file run by itself

    from . import world as worlds


@pytest.fixture(scope='module')
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[worlds.World]:
    with worlds.world(tmp_path_factory.mktemp('service')) as made:
        yield made
