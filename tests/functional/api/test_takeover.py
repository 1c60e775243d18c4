"""What the existing service showed of its offers and leases is shown here after the takeover."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from esi_leap.db import takeover
from esi_leap.db.engine import Database
from esi_leap.fixture import Service
from tests.functional.db import existing_service as old
from tests.functional.db.test_takeover import NOW, ODD, ORDERLY, uuids
from tests.patience import PATIENCE

from .world import ADMIN

#: The names of its columns on the wire; others have the same name.
WIRE = ('uuid', 'name', 'project_id', 'resource_type', 'resource_uuid', 'status')
OF = {
    'offers': ('lessee_id', 'parent_lease_uuid'),
    'leases': ('owner_id', 'purpose', 'offer_uuid', 'parent_lease_uuid'),
}
TIMES = {
    'offers': ('start_time', 'end_time'),
    'leases': ('start_time', 'end_time', 'fulfill_time', 'expire_time'),
}


def shown(moment: datetime | None) -> str | None:
    """Print a time as the existing service does: UTC without an offset, a fraction if any."""
    return None if moment is None else moment.isoformat()


def expected(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    values = {name: row.get(name) for name in (*WIRE, *OF[kind])}
    return values | {name: shown(row.get(name)) for name in TIMES[kind]}


@pytest.fixture
def shows(
    tmp_path: Path, database_url: str, open_database: Callable[..., Database]
) -> Callable[..., dict[str, Any]]:
    """Take a database over; show all that is in it, through the running service."""

    moving = {'availabilities': 'those from this instant on'}

    def shown_by(content: dict[str, Any]) -> dict[str, Any]:
        database = open_database(database_url)
        with database.writer() as connection:
            old.make(connection, content, 'created')
        takeover.upgrade(database, NOW, uuids())
        answers: dict[str, Any] = {}
        with Service(tmp_path, database_url, manager=False) as service:
            for kind in ('offers', 'leases'):
                url = f'{service.url}/v1/{kind}'
                query = {'status': 'any'} | ({'view': 'all'} if kind == 'leases' else {})
                found = requests.get(url, query, headers=ADMIN.headers, timeout=PATIENCE)
                assert found.status_code == 200, found.text
                for each in found.json()[kind]:
                    answers[each['uuid']] = each
                    one = requests.get(
                        f'{url}/{each["uuid"]}', headers=ADMIN.headers, timeout=PATIENCE
                    )
                    assert one.json() | moving == each | moving
        return answers

    return shown_by


def test_orderly_rows_show_the_same_values(shows: Callable[..., dict[str, Any]]) -> None:
    answers = shows(ORDERLY)
    for kind in ('offers', 'leases'):
        for row in ORDERLY[kind]:
            wanted = expected(kind, row)
            assert {name: answers[row['uuid']][name] for name in wanted} == wanted
    assert answers['o-deleted']['end_time'] == '9999-12-31T23:59:59.999999'
    assert len(answers) == len(ORDERLY['offers']) + len(ORDERLY['leases'])


def test_odd_rows_can_be_read_too(shows: Callable[..., dict[str, Any]]) -> None:
    answers = shows(ODD)
    for kind in ('offers', 'leases'):
        for row in ODD[kind]:
            found = answers[row['uuid']]
            wanted = expected(kind, row)
            odd = {'status', 'start_time', 'end_time'}  # what the database could not keep as it was
            for name in wanted.keys() - odd:
                assert found[name] == wanted[name], (row['uuid'], name)
    assert datetime.fromisoformat(answers['o-none']['start_time']).replace(tzinfo=UTC) < NOW
