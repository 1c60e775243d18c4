"""Leases that began under the existing service end under this one; other nodes are not changed."""

from datetime import timedelta

import pytest

from esi_leap.core.handover.steps import Provision
from esi_leap.core.node import State
from esi_leap.db import takeover
from tests.functional.db import existing_service as old

from .conftest import NOON, World

START = NOON.replace(tzinfo=None) - timedelta(hours=1)
SOON = START + timedelta(hours=2)
PAST = START + timedelta(minutes=30)


def taken_over(world: World, *rows: dict[str, object]) -> World:
    leases = [
        {**row, 'resource_type': 'dummy_node', 'resource_uuid': 'n1', 'owner_id': 'lender'}
        for row in rows
    ]
    with world.database.writer() as connection:
        for name in ('events', 'console_auth_tokens'):
            connection.exec_driver_sql(f'DROP TABLE {name}')
        old.make(connection, {'leases': leases})
    takeover.upgrade(world.database, world.now, world.deps.new_uuid)
    return world


class TestLeaseThatIronicNames:
    @pytest.fixture
    def active(self, world: World) -> World:
        world.machine(lease_uuid='l', project_id='p-tenant', provision_state='active')
        return taken_over(world, old.lease('l', START, SOON, status='active'))

    def test_goes_on(self, active: World) -> None:
        active.tick()
        assert (active.see('l').status, active.see('l').reason) == ('active', None)
        assert (active.row().state, active.row().lease) == (State.HANDED_OVER, 'l')
        assert active.nodes.verbs == []

    def test_ends_and_the_node_is_cleaned_and_free(self, active: World) -> None:
        active.tick()
        active.wait(minutes=61)
        assert active.see('l').status == 'expired'
        assert active.row().state == State.AVAILABLE
        left = active.file()
        assert 'lease_uuid' not in left
        assert 'project_id' not in left
        assert active.nodes.verbs.count(Provision('deleted')) == 1

    def test_can_be_cancelled_before_the_node_is_read(self, active: World) -> None:
        active.cancel('l')
        assert active.see('l').status == 'wait cancel'
        active.tick()
        assert active.see('l').status == 'deleted'
        assert 'project_id' not in active.file()

    def test_is_followed_by_the_next_lease(self, active: World) -> None:
        following = active.lease('p-next', 60, 120)
        active.tick()
        active.wait(minutes=61)
        active.wait(seconds=30)
        assert active.see(following).status == 'active'
        assert active.file()['project_id'] == 'p-next'

    @pytest.mark.parametrize('status', ['wait expire', 'wait cancel', 'error'])
    def test_ends_if_its_end_had_failed(self, world: World, status: str) -> None:
        world.machine(lease_uuid='l', project_id='p-tenant', provision_state='active')
        taken_over(world, old.lease('l', START, PAST, status=status))
        world.tick()
        assert world.see('l').status == ('deleted' if status == 'wait cancel' else 'expired')
        assert world.row().state == State.AVAILABLE
        assert 'project_id' not in world.file()

    def test_is_active_if_its_hand_over_was_not_recorded(self, world: World) -> None:
        world.machine(lease_uuid='l', project_id='p-tenant')
        taken_over(world, old.lease('l', START, SOON, status='wait fulfill'))
        world.tick()
        assert world.see('l').status == 'active'
        assert world.events('l') == ['fulfill.end']

    def test_has_the_node_of_two_active_leases(self, world: World) -> None:
        world.machine(lease_uuid='b', project_id='p-two', provision_state='active')
        taken_over(
            world,
            old.lease('a', START, PAST + timedelta(hours=1), status='active'),
            old.lease('b', START, SOON, status='active', project_id='p-two'),
        )
        world.tick()
        assert [world.see(uuid).status for uuid in 'ab'] == ['error', 'active']
        world.wait(minutes=61)
        assert [world.see(uuid).status for uuid in 'ab'] == ['expired', 'expired']
        assert 'project_id' not in world.file()

    def test_gives_the_node_back_to_the_lessee_if_it_is_a_sub_lease(self, world: World) -> None:
        world.machine(lease_uuid='c', project_id='p-sub', provision_state='active')
        child = {'parent_lease_uuid': 'p', 'project_id': 'p-sub', 'status': 'active'}
        taken_over(
            world,
            old.lease('p', START, SOON, status='active'),
            old.lease('c', START, START + timedelta(hours=1.2), **child),
        )
        world.tick()
        assert [world.see(uuid).status for uuid in 'pc'] == ['active', 'active']
        world.wait(minutes=13)
        world.wait(minutes=1)
        assert [world.see(uuid).status for uuid in 'pc'] == ['active', 'expired']
        assert world.file()['project_id'] == 'p-tenant'
        world.wait(minutes=50)
        assert world.see('p').status == 'expired'
        assert 'project_id' not in world.file()


class TestLeaseThatIronicDoesNotName:
    @pytest.mark.parametrize('status', ['active', 'wait expire', 'wait cancel', 'error'])
    @pytest.mark.parametrize(
        'content',
        [
            {'provision_state': 'active'},
            {'provision_state': 'available', 'power_state': 'power on'},
            {'provision_state': 'active', 'project_id': 'p-other', 'lease_uuid': 'x'},
        ],
    )
    def test_leaves_the_node_as_it_was_found(
        self, world: World, status: str, content: dict[str, object]
    ) -> None:
        world.machine(**content)
        before = world.file()
        end = SOON if status == 'active' else PAST
        taken_over(world, old.lease('l', START, end, status=status))
        world.tick()
        assert 'left as found' in (world.see('l').reason or '')
        world.wait(minutes=90)
        assert not world.see('l').blocks
        assert world.nodes.verbs == []
        assert world.file() == before

    @pytest.mark.parametrize('status', ['active', 'wait expire', 'wait cancel', 'error'])
    def test_ends_if_the_node_is_missing(self, world: World, status: str) -> None:
        taken_over(world, old.lease('l', START, PAST, status=status))
        (world.folder / 'n1').unlink()
        world.tick()
        assert not world.see('l').blocks
        assert 'gone' in (world.see('l').reason or '')

    def test_starts_if_it_had_not_started(self, world: World) -> None:
        taken_over(world, old.lease('l', START + timedelta(hours=1.5), SOON))
        world.wait(minutes=31)
        world.wait(minutes=1)
        assert world.see('l').status == 'active'
        assert world.file()['project_id'] == 'p-tenant'

    def test_starts_and_belongs_to_the_owner_if_an_admin_made_it(self, world: World) -> None:
        world.machine(project_owner_id='landlord')
        taken_over(world, old.lease('l', START, SOON, status='wait fulfill'))
        world.tick()
        world.wait(seconds=5)
        assert (world.see('l').status, world.see('l').owner_id) == ('active', 'landlord')
        with world.database.reader() as connection:
            owners = connection.exec_driver_sql('SELECT owner_id FROM contracts').scalars().all()
        assert owners == ['landlord']
        world.wait(minutes=2)
        assert world.see('l').reason is None


class TestNodeThatIsNotRead:
    def test_is_left_alone_until_its_service_answers(self, world: World) -> None:
        world.machine(lease_uuid='l', project_id='p-tenant', provision_state='active')
        taken_over(world, old.lease('l', START, PAST, status='active'))

        def down(call: int) -> None:
            raise OSError

        world.nodes.before = down
        world.tick()
        world.wait(minutes=5)
        assert world.see('l').status == 'active'
        assert world.row().is_inherited
        world.nodes.before = lambda call: None
        world.wait(minutes=1)
        assert world.see('l').status == 'expired'

    def test_of_an_unknown_resource_type_detains_no_lease(self, world: World) -> None:
        taken_over(world, old.lease('l', START, PAST, status='active'))
        with world.database.writer() as connection:
            connection.exec_driver_sql("UPDATE nodes SET resource_type = 'test_node'")
        without = world.manager()
        world.tick(without)
        assert world.see('l').status == 'active'  # it may be configured tomorrow
        assert 'not configured' in (world.row().reason or '')
