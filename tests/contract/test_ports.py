"""Each adapter of the database has the methods of its port, and no public method beside them.

The port documents the methods, so a method beside them would be documented nowhere. That the
signatures agree is checked by mypy, since each adapter is a subclass of its port.
"""

import inspect
from collections.abc import Callable

import pytest

from esi_leap.core import ports
from esi_leap.core.ports import bus, manager, store, tokens
from esi_leap.db.agenda import Agenda
from esi_leap.db.console_auth_tokens import ConsoleAuthTokens
from esi_leap.db.inventory import Inventory
from esi_leap.db.outbox import Outbox
from esi_leap.db.store import Store

ADAPTERS = {
    Agenda: manager.Agenda,
    ConsoleAuthTokens: tokens.ConsoleAuthTokens,
    Inventory: manager.Inventory,
    Outbox: bus.Outbox,
    Store: store.Store,
}


def _methods(kind: type) -> dict[str, Callable[..., object]]:
    """Return the public methods that a class itself defines, by name."""
    return {
        name: value
        for name, value in vars(kind).items()
        if inspect.isfunction(value) and not name.startswith('_')
    }


@pytest.mark.parametrize('adapter', ADAPTERS, ids=lambda adapter: adapter.__name__)
def test_an_adapter_has_the_methods_of_its_port(adapter: type) -> None:
    port = ADAPTERS[adapter]
    assert port in adapter.__bases__
    assert port.__module__.startswith(ports.__name__)
    assert _methods(adapter).keys() == _methods(port).keys()


@pytest.mark.parametrize('adapter', ADAPTERS, ids=lambda adapter: adapter.__name__)
def test_the_docstrings_of_a_port_are_those_of_its_adapter(adapter: type) -> None:
    for name, method in _methods(adapter).items():
        assert method.__doc__ is None, f'{name}: the port says it already'
        assert inspect.getdoc(getattr(adapter, name)), name
