"""Each change of offers, leases and contracts is told once, whoever makes it and whatever follows.

Stories drive every call that changes something and every task of the manager, on a real database;
`audit` looks at each transaction.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
import webob

from esi_leap import clock
from esi_leap import conf as configuration
from esi_leap.api.expose import ROUTES
from esi_leap.core import event
from esi_leap.core.duty import due
from esi_leap.core.errors import NodeBusyError
from esi_leap.core.gate import Answer, Rules, Verdict
from esi_leap.core.node import State
from esi_leap.core.ports.cloud import Question
from esi_leap.db.engine import Database
from esi_leap.db.tables import nodes
from esi_leap.wiring.api import make_application
from tests.functional.manager.conftest import World as Managed
from tests.functional.manager.conftest import refresh

from .audit import Audit, audited
from .world import ADMIN, LESSEE, OWNER, Who

GUEST = Who('guest')
PASS = Verdict(answer=Answer.PASS, evidence={'pcr': 'ok'})
REJECT = Verdict(answer=Answer.REJECT, reason='PCR 0 differs.', evidence={'pcr': 'bad'})


class Gate:
    """Says of all nodes what the story says."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def ask(self, question: Question) -> Verdict:
        return self.verdict


class World(Managed):
    """Nodes, their managers and time; and the API over the same database, in this thread."""

    def __init__(self, folder: Path, database: Database, patch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, database)
        conf = configuration.registered()
        conf([], project='esi-leap', default_config_files=[], default_config_dirs=[])
        for group, name, value in (
            ('api', 'auth_strategy', 'noauth'),
            ('api', 'host_ip', '127.0.0.1'),
            ('api', 'default_resource_type', 'dummy_node'),
            ('api', 'delete_wait', 0),
            ('dummy_node', 'dummy_node_dir', str(self.folder)),
        ):
            conf.set_override(name, value, group)
        patch.setattr(clock, 'now', lambda: self.now)
        self._api = make_application(conf, database)
        self.called: set[str] = set()
        self.uuid = ''

    def begin(self, number: int) -> None:
        """Go on with a new node."""
        self.nodes.before = self.nodes.after = lambda call: None
        self.uuid = f'n{number}'
        self.machine(self.uuid, project_owner_id=OWNER.project)

    def call(self, who: Who, name: str, ident: str = '', /, **body: object) -> dict[str, Any]:
        """Make a call of the route table, which must be answered well."""
        method, path = name.split(' ')
        answer = webob.Request.blank(
            re.sub(r'{\w+}', ident, path),
            method=method,
            body=json.dumps(body).encode() if body else b'',
            headers=who.headers,
        ).get_response(self._api)
        assert 200 <= answer.status_int < 300, answer.text
        self.called.add(name)
        return answer.json if answer.body and answer.json else {}

    def offered(self, who: Who = OWNER, start: int = 0, end: int = 60, /, **body: object) -> str:
        """Offer the node from minute to minute from now."""
        made = self.call(who, 'POST /v1/offers', **self.booked(start, end), **body)
        return str(made['uuid'])

    def claimed(self, offer: str, start: int, end: int, who: Who = LESSEE) -> dict[str, Any]:
        window = self._window(start, end)
        return self.call(who, 'POST /v1/offers/{ident}/claim', offer, **window)

    def leased(
        self, start: int = 0, end: int = 20, owner: Who = OWNER, lessee: Who = LESSEE
    ) -> str:
        """Lease the node directly."""
        body = {**self.booked(start, end), 'project_id': lessee.project}
        return str(self.call(owner, 'POST /v1/leases', **body)['uuid'])

    def at(self, minute: int) -> str:
        """Return an instant so many minutes from now, as it is sent."""
        return f'{self.now + timedelta(minutes=minute):%FT%TZ}'

    def use(self, **content: object) -> None:
        """Let somebody change the node behind our back."""
        self.change(self.uuid, **content)

    def locked(self, call: int) -> None:
        """Refuse a call."""
        raise NodeBusyError('It is locked.')

    def booked(self, start: int = 0, end: int = 20) -> dict[str, object]:
        return {'resource_uuid': self.uuid, **self._window(start, end)}

    def _window(self, start: int, end: int) -> dict[str, str]:
        return {'start_time': self.at(start), 'end_time': self.at(end)}


def claims_are_made_changed_and_withdrawn(world: World) -> None:
    offer = world.offered(name='spring')
    first, second = world.claimed(offer, 0, 20), world.claimed(offer, 30, 40)
    for changes in (
        {'name': 'training'},
        {'purpose': 'tides', 'properties': {'a': 1}},
        {'end_time': world.at(10)},
        {'name': 'training'},  # which it is called already
    ):
        world.call(LESSEE, 'PATCH /v1/leases/{ident}', first['uuid'], **changes)
    world.call(LESSEE, 'DELETE /v1/leases/{ident}', first['uuid'])
    third = world.claimed(offer, 0, 20)
    world.call(LESSEE, 'DELETE /v1/contracts/{ident}', second['contract_uuid'])
    world.tick()
    assert world.see(third['uuid']).status == 'active'
    world.claimed(offer, 30, 40)
    world.call(OWNER, 'DELETE /v1/offers/{ident}', offer)  # and the claims with it
    world.wait()


def a_lease_and_an_offer_have_their_time(world: World) -> None:
    world.offered(OWNER, 0, 30)
    lease = world.leased()  # in his own offer
    world.tick()
    world.wait(minutes=31)
    assert world.see(lease).status == 'expired'


def an_offer_adopts_leases(world: World) -> None:
    world.leased(10, 20)
    world.offered()
    world.wait(minutes=61)


def consoles_are_opened(world: World) -> None:
    lease = world.leased()
    world.tick()
    world.call(LESSEE, 'POST /v1/console_auth_tokens', node_uuid_or_name=world.uuid)
    world.call(LESSEE, 'DELETE /v1/console_auth_tokens/{ident}', world.uuid)
    world.call(LESSEE, 'POST /v1/console_auth_tokens', node_uuid_or_name=world.uuid)
    world.call(OWNER, 'DELETE /v1/leases/{ident}', lease)
    world.wait()


def a_node_is_sub_let_and_comes_back(world: World) -> None:
    world.leased(0, 40)
    offer = world.offered(LESSEE, 0, 30)
    inner = world.claimed(offer, 10, 20, GUEST)
    world.tick()
    world.wait(minutes=10)
    assert world.see(inner['uuid']).status == 'active'
    world.wait(minutes=10)
    world.wait(minutes=21)


def what_is_sub_let_ends_with_a_contract(world: World) -> None:
    outer = world.leased(0, 40)
    offer = world.offered(LESSEE, 10, 30)
    world.claimed(offer, 20, 25, GUEST)
    inner = world.leased(0, 8, LESSEE, GUEST)
    world.tick()
    assert world.see(inner).status == 'active'
    world.call(OWNER, 'DELETE /v1/contracts/{ident}', world.see(outer).contract)
    world.wait()
    assert {world.see(each).status for each in (outer, inner)} == {'deleted'}


def a_lease_waits_for_the_end_of_what_is_sub_let(world: World) -> None:
    world.leased(0, 20)
    inner = world.leased(10, 20, LESSEE, GUEST)
    world.tick()
    world.wait(minutes=10)
    world.nodes.before = world.locked
    world.wait(minutes=10)
    world.wait(seconds=40)
    assert world.see(inner).status == 'wait expire'
    world.nodes.before = lambda call: None
    world.wait(seconds=40)


def a_node_that_is_not_fit_is_waited_for(world: World) -> None:
    world.use(maintenance=True)
    lease = world.leased()
    for _ in range(3):
        world.wait(seconds=40)
    assert world.see(lease).status == 'wait fulfill'
    world.use(maintenance=False)
    world.wait(seconds=40)
    assert world.see(lease).status == 'active'
    world.wait(minutes=20)


def a_node_that_is_never_fit_is_not_handed_over(world: World) -> None:
    world.use(maintenance=True)
    lease, other = world.leased(), world.leased(20, 30)
    world.tick()
    world.wait(minutes=20)
    assert world.see(lease).status == 'expired'
    world.call(LESSEE, 'DELETE /v1/leases/{ident}', other)


def a_node_is_refused_in_the_middle_of_its_hand_over(world: World) -> None:
    def meanwhile(call: int) -> None:
        if world.file(world.uuid).get('project_id') == 'holding':
            world.use(vifs=['v'])

    lease = world.leased()
    world.nodes.before = meanwhile
    world.tick()
    assert world.see(lease).status == 'wait fulfill'
    world.nodes.before = lambda call: None
    world.use(vifs=[])
    world.wait(minutes=20)


def a_lease_is_cancelled_in_the_middle_of_its_hand_over(world: World) -> None:
    def meanwhile(call: int) -> None:
        if call == begun + 4:
            world.call(LESSEE, 'DELETE /v1/leases/{ident}', lease)

    lease, begun = world.leased(), world.nodes.calls
    world.nodes.after = meanwhile
    world.tick()
    assert world.see(lease).status == 'deleted'


def a_node_is_recalled_twice(world: World) -> None:
    offer = world.offered(recall_notice=60)
    lease = world.claimed(offer, 0, 40)['uuid']
    later = world.claimed(offer, 45, 50)['uuid']
    world.tick()
    wanted = {'all': True, 'deadline': world.at(10)}
    recall = world.call(OWNER, 'POST /v1/recalls', **wanted)
    assert world.see(later).status == 'deleted'
    world.call(OWNER, 'DELETE /v1/recalls/{ident}', recall['uuid'])
    assert world.see(lease).recall is None
    world.call(OWNER, 'POST /v1/recalls', **wanted)
    world.wait(minutes=10)
    assert world.see(lease).status == 'expired'


def an_admin_ends_a_lease_against_its_terms(world: World) -> None:
    body = {**world.booked(), 'project_id': LESSEE.project, 'firm': True}
    lease = world.call(OWNER, 'POST /v1/leases', **body)['uuid']
    world.tick()
    world.call(ADMIN, 'PATCH /v1/leases/{ident}', lease, end_time=world.at(10))
    world.call(ADMIN, 'DELETE /v1/leases/{ident}', lease)
    world.tick()
    assert world.see(lease).status == 'deleted'


def an_end_that_does_not_work(world: World) -> None:
    lease = world.leased()
    world.tick()
    world.now += timedelta(minutes=20)
    _cannot_be_taken(world, lease)
    assert world.see(lease).status == 'expired'


def a_cancellation_that_does_not_work(world: World) -> None:
    lease = world.leased()
    world.tick()
    world.call(LESSEE, 'DELETE /v1/leases/{ident}', lease)
    _cannot_be_taken(world, lease)
    assert world.see(lease).status == 'deleted'


def _cannot_be_taken(world: World, lease: str) -> None:
    """Let the node be locked for some tries."""
    world.nodes.before = world.locked
    for _ in range(3):
        world.wait(seconds=40)
    assert world.see(lease).ending
    world.nodes.before = lambda call: None
    world.call(OWNER, 'DELETE /v1/leases/{ident}', lease)  # asks for a try now
    world.tick()


def a_node_that_is_being_returned_is_waited_for(world: World) -> None:
    def stuck(call: int) -> None:
        if world.row(world.uuid).state is State.RETURNING:
            raise NodeBusyError('It is locked.')

    world.leased(0, 10)
    following = world.leased(10, 20)
    world.tick()
    world.nodes.before = stuck
    world.wait(minutes=10)
    assert world.see(following).status == 'wait fulfill'
    world.nodes.before = lambda call: None
    world.wait(minutes=5)
    assert world.see(following).status == 'active'
    world.wait(minutes=10)


def a_node_is_changed_by_others_and_put_right(world: World) -> None:
    lease = world.leased()
    world.tick()
    for lessee in ('somebody', 'another', LESSEE.project, 'somebody'):
        world.use(project_id=lessee)
        world.wait(seconds=61)
    world.nodes.before = world.locked
    world.wait(seconds=61)
    world.nodes.before = lambda call: None
    world.wait(minutes=20)
    assert world.see(lease).status == 'expired'
    assert world.row(world.uuid).state is State.LOST
    world.machine(world.uuid, project_owner_id=OWNER.project)
    world.wait(seconds=61)
    assert world.row(world.uuid).state is State.AVAILABLE


def a_node_goes_away(world: World) -> None:
    lease = world.leased()
    world.tick()
    (world.folder / world.uuid).unlink()
    world.wait(seconds=61)
    assert str(world.see(lease).reason) == 'The node does not exist any more.'
    world.wait(minutes=20)


def a_defect_of_ours_stops_a_hand_over(world: World) -> None:
    lease = world.leased()
    world.use(vifs=7)
    for _ in range(5):
        world.wait(seconds=31)
    assert world.see(lease).status == 'error'
    world.wait(minutes=20)
    assert world.see(lease).status == 'expired'
    world.use(vifs=[])


def a_node_of_the_existing_service_is_recognised(world: World) -> None:
    lease = _inherited(world)
    world.offered(OWNER, 30, 40)
    world.use(project_owner_id='heir')  # the provider is the owner, whoever made it
    world.tick()
    assert (world.see(lease).status, world.see(lease).owner_id) == ('active', 'heir')
    world.wait(minutes=20)


def a_node_of_the_existing_service_is_with_nobody(world: World) -> None:
    lease = _inherited(world)
    world.use(project_id=None, lease_uuid=None)
    world.tick()
    assert world.see(lease).status == 'error'
    world.call(OWNER, 'DELETE /v1/leases/{ident}', lease)


def a_hand_over_of_the_existing_service_was_not_written_down(world: World) -> None:
    lease = world.leased()
    world.use(project_id=LESSEE.project, lease_uuid=lease)
    _forget(world)
    world.tick()
    assert world.see(lease).status == 'active'


def _inherited(world: World) -> str:
    """Let the lessee have the node, and nobody know it."""
    lease = world.leased()
    world.tick()
    _forget(world)
    return lease


def _forget(world: World) -> None:
    with world.database.writer() as connection:
        connection.execute(
            nodes.update()
            .where(nodes.c.resource_uuid == world.uuid)
            .values(state=str(State.HANDED_OVER), lease_uuid=None, retry_at=world.now)
        )


def a_node_is_rejected_and_comes_back(world: World) -> None:
    usual, gate = world.deps, Gate(REJECT)
    rules = Rules(max_age=timedelta(minutes=5), timeout=timedelta(hours=2))
    world.deps = replace(usual, gate=gate, settings=replace(usual.settings, gate=rules))
    first, second = world.leased(0, 10), world.leased(20, 30)
    world.tick()
    assert world.row(world.uuid).state is State.REJECTED
    world.wait(minutes=20)
    assert {world.see(lease).status for lease in (first, second)} <= {'error', 'expired'}
    gate.verdict = PASS
    world.call(ADMIN, 'POST /v1/nodes/{ident}/reset', world.uuid)
    world.tick()
    assert world.row(world.uuid).state is State.AVAILABLE
    third = world.leased(15, 20)
    world.wait(minutes=15)
    assert world.see(third).status == 'active'
    world.wait(minutes=5)
    world.deps = usual


def a_node_that_nobody_has_leased_is_with_somebody(world: World) -> None:
    world.offered()
    world.use(project_id='other')
    refresh(world)


STORIES: tuple[Callable[[World], None], ...] = (
    claims_are_made_changed_and_withdrawn,
    a_lease_and_an_offer_have_their_time,
    an_offer_adopts_leases,
    consoles_are_opened,
    a_node_is_sub_let_and_comes_back,
    what_is_sub_let_ends_with_a_contract,
    a_lease_waits_for_the_end_of_what_is_sub_let,
    a_node_that_is_not_fit_is_waited_for,
    a_node_that_is_never_fit_is_not_handed_over,
    a_node_is_refused_in_the_middle_of_its_hand_over,
    a_lease_is_cancelled_in_the_middle_of_its_hand_over,
    an_end_that_does_not_work,
    a_cancellation_that_does_not_work,
    a_node_that_is_being_returned_is_waited_for,
    a_node_is_changed_by_others_and_put_right,
    a_node_goes_away,
    a_defect_of_ours_stops_a_hand_over,
    a_node_of_the_existing_service_is_recognised,
    a_node_of_the_existing_service_is_with_nobody,
    a_hand_over_of_the_existing_service_was_not_written_down,
    a_node_is_rejected_and_comes_back,
    a_node_that_nobody_has_leased_is_with_somebody,
    a_node_is_recalled_twice,
    an_admin_ends_a_lease_against_its_terms,
)


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> set[type]:
    """Collect the kinds of the tasks that the manager is given."""
    given: set[type] = set()
    plan = due.plan

    def noted(*args: Any) -> due.Task | None:  # noqa: ANN401 - passed through
        task = plan(*args)
        given.add(type(task))
        return task

    monkeypatch.setattr(due, 'plan', noted)
    return given


@pytest.fixture
def audit(database: Database) -> Iterator[Audit]:
    with audited(database) as made:
        yield made


def test_every_change_is_told_once_and_nothing_else(
    tmp_path: Path,
    database: Database,
    audit: Audit,
    tasks: set[type],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(tmp_path, database, monkeypatch)
    for number, story in enumerate(STORIES):
        world.begin(number)
        story(world)
        assert not audit.wrong, f'{story.__name__}: ' + '\n'.join(audit.wrong)
    assert world.called == {each.name for each in ROUTES if each.method != 'GET'}
    assert tasks - {type(None)} == set(get_args(due.Task))
    assert audit.seen == set(event.TYPES)
