"""Values that the tests of the databases start from."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from alembic import autogenerate, migration

from esi_leap.core.change import Agree, Change, put
from esi_leap.core.contract import Contract
from esi_leap.core.handover.machine import Machine
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node
from esi_leap.core.offer import Offer
from esi_leap.core.query import Scope
from esi_leap.db import schema
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from esi_leap.db.tables import metadata

NOW = datetime(2032, 1, 31, 9, 30, tzinfo=UTC)
OWNER, TENANT = 'p-owner', 'p-tenant'
ALL = Scope(everything=True)


def at(hour: float) -> datetime:
    return NOW + timedelta(hours=hour)


def a_machine(uuid: str, properties: Mapping[str, object] | None = None) -> Machine:
    return Machine(
        uuid=uuid,
        name=f'metal-{uuid}',
        owner=OWNER,
        lessee=None,
        lease_label=None,
        provision_state='available',
        power_state='power off',
        properties=properties or {},
    )


def a_node(store: Store, uuid: str = 'n1') -> Node:
    return store.node(a_machine(uuid), 'ironic_node', NOW)


def an_offer(node_id: int, uuid: str, start: float, end: float) -> Offer:
    return Offer(
        uuid=uuid,
        name=None,
        node_id=node_id,
        owner_id=OWNER,
        lessee_id=None,
        window=Interval(at(start), at(end)),
    )


def a_lease(node_id: int, uuid: str, start: float, end: float, **values: object) -> Lease:
    given: dict[str, object] = {'contract': f'c-{uuid}', **values}
    return Lease(
        uuid=uuid,
        name=None,
        node_id=node_id,
        owner_id=OWNER,
        lessee_id=TENANT,
        window=Interval(at(start), at(end)),
        **given,  # type: ignore[arg-type]
    )


def agreed(lease: Lease) -> Change:
    """The change that makes a lease under a contract of its own."""
    contract = Contract(
        uuid=lease.contract,
        name=None,
        owner_id=OWNER,
        lessee_id=TENANT,
        window=lease.window,
        offer=lease.offer,
    )
    return (Agree(contract), *put(lease))


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
