"""Values that the tests of the databases start from."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from alembic import autogenerate, migration

from esi_leap.core.handover.machine import Machine
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node
from esi_leap.core.offer import Offer
from esi_leap.db import schema
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from esi_leap.db.tables import metadata
from tests.given import (  # noqa: F401 - the tests of the databases have them from here
    ALL,
    OWNER,
    TENANT,
    Hours,
    make_lease,
    make_machine,
    make_offer,
)
from tests.given import created as agreed  # noqa: F401 - likewise

NOW = datetime(2032, 1, 31, 9, 30, tzinfo=UTC)
_DAY = Hours(NOW)
at = _DAY.at


def a_machine(uuid: str, properties: Mapping[str, object] | None = None) -> Machine:
    return make_machine(uuid, properties=properties or {})


def a_node(store: Store, uuid: str = 'n1') -> Node:
    return store.node(a_machine(uuid), 'ironic_node', NOW)


def an_offer(node_id: int, uuid: str, start: float, end: float) -> Offer:
    return make_offer(uuid, _DAY.window(start, end), node_id=node_id)


def a_lease(node_id: int, uuid: str, start: float, end: float, **values: object) -> Lease:
    return make_lease(uuid, _DAY.window(start, end), node_id=node_id, **values)


def differences(database: Database, but: Collection[str] = ()) -> list[object]:
    """Compare the schema of a database with the models, but for tables that are none of ours."""
    with database.engine.connect() as connection:
        context = migration.MigrationContext.configure(
            connection,
            opts={
                'version_table': schema.VERSION_TABLE,
                'compare_type': True,
                'compare_server_default': True,
                'include_name': lambda name, kind, _: kind != 'table' or name not in but,
            },
        )
        return autogenerate.compare_metadata(context, metadata)
