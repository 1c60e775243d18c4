"""Who did what, when and from where, in CADF."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import webob

from esi_leap import conf as configuration
from esi_leap.api.expose import ROUTES, Route
from esi_leap.db import schema
from esi_leap.wiring import parts
from esi_leap.wiring.api import make_application

#: Auditors want uuids.
USER, PROJECT = 'b1' * 16, 'c2' * 16
WHO = {'X-User-Id': USER, 'X-Project-Id': PROJECT, 'X-Roles': 'member,reader'}

CONFIGURATION = """
[api]
auth_strategy = noauth
host_ip = 127.0.0.1
default_resource_type = dummy_node
[audit]
enabled = true
[audit_middleware_notifications]
use_oslo_messaging = false
[database]
connection = sqlite:///{folder}/esi-leap.sqlite
[dummy_node]
dummy_node_dir = {folder}
"""
CATALOG = [
    {
        'type': 'lease',
        'name': 'esi',
        'endpoints': [{'id': 'd3' * 16, 'publicURL': 'http://esi.example'}],
    }
]
#: What a call is to an auditor, by method.
ACTIONS = {'POST': 'create', 'PATCH': 'update', 'DELETE': 'delete'}
CHANGES = [each for each in ROUTES if each.method != 'GET']


class Audited:
    """An application, and the events of one call of it."""

    def __init__(self, application: Any, log: pytest.LogCaptureFixture) -> None:  # noqa: ANN401 - WSGI
        self._application = application
        self._log = log

    def call(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> list[dict[str, Any]]:
        """Call, and return what the auditor reads: one event before and one after it."""
        self._log.clear()
        request = webob.Request.blank(path, method=method, remote_addr='192.0.2.7')
        request.headers.update({**WHO, 'X-Service-Catalog': json.dumps(CATALOG)})
        request.headers.update({name.replace('_', '-'): value for name, value in headers.items()})
        request.body = json.dumps(body).encode()
        request.get_response(self._application)
        return [
            record.args['payload']
            for record in self._log.records
            if record.name == 'keystonemiddleware.audit' and isinstance(record.args, dict)
        ]


@pytest.fixture
def audited(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Audited]:
    file = tmp_path / 'esi-leap.conf'
    file.write_text(CONFIGURATION.format(folder=tmp_path), encoding='utf-8')
    (tmp_path / 'machine').write_text(
        json.dumps({'project_owner_id': PROJECT, 'provision_state': 'available'}), encoding='utf-8'
    )
    conf = configuration.load(['--config-file', str(file)], 'esi-leap-api')
    database = parts.open_database(conf)
    schema.upgrade(database)
    caplog.set_level(logging.INFO, 'keystonemiddleware.audit')
    yield Audited(make_application(conf, database), caplog)
    database.close()


def test_a_change_is_told_of_with_who_what_when_from_where_and_how_it_went(
    audited: Audited,
) -> None:
    asked, answered = audited.call(
        'POST', '/v1/offers', {'resource_uuid': 'machine'}, X_Auth_Token='a-secret', User_Agent='me'
    )
    assert (asked['outcome'], answered['outcome']) == ('pending', 'success')
    assert (answered['action'], answered['target']['typeURI']) == ('create', 'service/lease/offers')
    assert answered['reason']['reasonCode'] == '201'
    assert answered['eventTime'][:2] == '20'
    who = answered['initiator']
    assert (who['id'], who['project_id']) == (USER, PROJECT)
    assert who['host'] == {'address': '192.0.2.7', 'agent': 'me'}
    assert 'a-secret' not in json.dumps([asked, answered])


def test_what_was_refused_is_told_of_too(audited: Audited) -> None:
    _, answered = audited.call('DELETE', '/v1/leases/not-mine')
    assert (answered['outcome'], answered['reason']['reasonCode']) == ('failure', '404')
    assert answered['requestPath'] == '/v1/leases/not-mine'


def test_a_caller_cannot_say_that_he_is_elsewhere(audited: Audited) -> None:
    _, answered = audited.call('DELETE', '/v1/leases/x', X_Forwarded_For='198.51.100.9')
    assert answered['initiator']['host']['address'] == '192.0.2.7'


def test_reading_is_not_told_of(audited: Audited) -> None:
    assert audited.call('GET', '/v1/leases') == []


@pytest.mark.parametrize('route', CHANGES, ids=[each.name for each in CHANGES])
def test_every_change_has_a_name_of_its_own(audited: Audited, route: Route) -> None:
    _, answered = audited.call(route.method, route.path.replace('{ident}', 'x'), {})
    *_, last = route.path.split('/')
    verb = last not in {'{ident}', route.noun}
    assert answered['action'] == (f'update/{last}' if verb else ACTIONS[route.method])
    assert answered['target']['typeURI'].startswith(f'service/lease/{route.noun}')
