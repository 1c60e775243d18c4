"""From the start of a lease to the node's return, and everything that may be in the way."""

import json

import pytest

from esi_leap.core.errors import NodeBusyError, UnavailableError
from esi_leap.core.handover.steps import Provision
from esi_leap.core.lease import Status
from esi_leap.core.node import State


def test_a_lease_starts_at_its_start_and_ends_at_its_end(world):
    uuid = world.lease('tenant', 5, 10)
    world.wait(minutes=4.9)
    assert 'project_id' not in world.file()
    world.wait(seconds=6)
    assert world.see(uuid).status is Status.ACTIVE
    assert world.see(uuid).fulfill_time == world.now
    assert world.file()['project_id'] == 'tenant'
    assert world.file()['lease_uuid'] == uuid
    world.wait(minutes=5)
    assert world.see(uuid).status is Status.EXPIRED
    assert world.see(uuid).expire_time == world.now
    assert 'project_id' not in world.file()
    assert 'lease_uuid' not in world.file()
    assert world.row().state is State.AVAILABLE
    assert world.events(uuid) == [
        'create.end',
        'fulfill.start',
        'fulfill.end',
        'delete.start',
        'delete.end',
    ]


def test_a_return_leaves_nothing_of_the_tenant(world):
    world.machine(extra={'rack': 7}, description='old', resource_class='big')
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    world.change(
        extra={'mine': 'yes'},
        description='mine',
        resource_class='mine',
        protected=True,
        console=True,
        vifs=['a', 'b'],
        power_state='power on',
        provision_state='active',
        instance_info={'image': 'x'},
    )
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.EXPIRED
    after = world.file()
    assert after['extra'] == {'rack': 7}
    assert after['description'] == 'old'
    assert after['resource_class'] == 'big'
    assert not after.get('protected')
    assert after['console'] is False
    assert after['vifs'] == []
    assert after['power_state'] == 'power off'
    assert after['provision_state'] == 'available'
    assert 'instance_info' not in after
    assert Provision('deleted') in world.nodes.verbs


def test_a_return_leaves_nothing_of_the_tenant_beside_the_node(world):
    his = {'connectors/1': 'long ago'}
    properties = {'cpus': 16, 'capabilities': 'boot_mode:uefi'}
    world.machine(volumes=his, traits=['CUSTOM_FAST'], properties=properties)
    world.lease('tenant', 0, 10)
    world.tick()
    assert world.row().remembered[0]['volumes'] == his
    world.change(
        media=True,
        boots=True,
        volumes={**his, 'targets/mine': 'now'},
        traits=['CUSTOM_MINE'],
        properties={'cpus': 1, 'mine': 'x'},
    )
    world.wait(minutes=10)
    after = world.file()
    assert (after['media'], after['boots'], after['volumes']) == (False, False, his)
    assert (after['traits'], after['properties']) == (['CUSTOM_FAST'], properties)
    assert world.row().state is State.AVAILABLE
    assert world.row().remembered == ()


def test_a_hand_over_waits_for_what_it_has_to_remember(world):
    def away(uuid: str) -> dict[str, str]:
        raise UnavailableError('Ironic answered 503; try again.')

    world.nodes.volumes = away
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    assert world.see(uuid).status is Status.WAIT_FULFILL
    assert str(world.see(uuid).reason) == 'Ironic answered 503; try again.'
    assert world.row().state is State.AVAILABLE
    del world.nodes.volumes
    world.wait(seconds=30)
    assert world.see(uuid).status is Status.ACTIVE


def test_a_node_that_was_never_deployed_is_cleaned_too(world):
    world.lease('tenant', 0, 10)
    world.tick()
    world.wait(minutes=10)
    assert [each.target for each in world.nodes.verbs if isinstance(each, Provision)] == [
        'manage',
        'provide',
    ]


def test_back_to_back_the_second_tenant_gets_a_clean_node(world):
    first, second = world.lease('a', 0, 10), world.lease('b', 10, 20)
    world.tick()
    world.change(provision_state='active', instance_info={'image': 'x'})
    stuck = world.manager()

    def refuse(call: int) -> None:
        if world.nodes.verbs and world.nodes.verbs[-1] == Provision('deleted'):
            raise NodeBusyError('The node is locked.')

    world.nodes.before = refuse
    world.now += (world.see(first).window.end - world.now) * 1
    world.tick(stuck)
    assert world.see(first).status is Status.EXPIRED
    assert world.file()['project_id'] == 'holding'
    assert world.see(second).status is Status.WAIT_FULFILL
    assert str(world.see(second).reason).startswith('The node is being returned by its last lessee')
    world.nodes.before = lambda call: None
    world.wait(seconds=31)
    assert world.file()['project_id'] == 'b'
    assert world.file()['provision_state'] == 'available'
    assert world.see(second).status is Status.ACTIVE


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        ({'maintenance': True, 'maintenance_reason': 'fan'}, 'The node is in maintenance: fan.'),
        ({'provision_state': 'active'}, 'The node is active, not available.'),
        ({'vifs': ['v']}, 'The node has virtual interfaces attached: v.'),
        ({'project_id': 'other'}, 'The node has a lessee that this service did not set.'),
        ({'project_owner_id': 'other'}, 'The node belongs to another owner now.'),
    ],
)
def test_a_node_that_is_not_fit_makes_the_lease_wait_and_say_why(world, content, reason):
    uuid = world.lease('tenant', 0, 10)
    before = {**world.file(), **content}
    world.machine(**before)
    world.tick()
    world.wait(seconds=40)
    assert world.see(uuid).status is Status.WAIT_FULFILL
    assert str(world.see(uuid).reason) == reason
    assert world.file() == before
    assert world.events(uuid) == ['create.end', 'fulfill.error']
    world.machine()
    world.wait(seconds=31)
    assert world.see(uuid).status is Status.ACTIVE
    assert world.see(uuid).reason is None


def test_a_lease_that_never_got_its_node_expires(world):
    world.machine(maintenance=True)
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.EXPIRED
    assert world.see(uuid).fulfill_time is None


def test_who_waited_long_for_a_service_does_not_wait_long_for_a_lock(world):
    def away(call: int) -> None:
        raise UnavailableError('Ironic does not answer; try again.')

    def locked(call: int) -> None:
        raise NodeBusyError('The node is locked.')

    world.nodes.before = away
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    for _ in range(10):
        world.wait(seconds=2)
    assert world.see(uuid).attempts > 5
    world.nodes.before = locked
    world.wait(seconds=2)
    assert str(world.see(uuid).reason) == 'The node is locked.'
    world.nodes.before = lambda call: None
    world.wait(seconds=1)
    assert world.see(uuid).status is Status.ACTIVE


@pytest.mark.parametrize('error', [UnavailableError('no answer'), NodeBusyError('locked')])
def test_a_node_that_cannot_be_taken_makes_the_lease_wait_and_then_end(world, error):
    uuid = world.lease('tenant', 0, 10)
    world.tick()

    def fail(call: int) -> None:
        raise error

    world.nodes.before = fail
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.WAIT_EXPIRE
    assert str(world.see(uuid).reason) == error.message
    assert world.file()['project_id'] == 'tenant'
    world.nodes.before = lambda call: None
    world.wait(seconds=3)
    assert world.see(uuid).status is Status.EXPIRED


def test_a_cancelled_lease_is_deleted_when_the_tenant_has_lost_the_node(world):
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    world.cancel(uuid)
    assert world.see(uuid).status is Status.WAIT_CANCEL
    assert world.file()['project_id'] == 'tenant'
    world.tick()
    assert world.see(uuid).status is Status.DELETED
    assert 'project_id' not in world.file()


def test_a_lease_cancelled_during_its_hand_over_is_taken_back(world):
    uuid = world.lease('tenant', 0, 10)
    world.nodes.after = lambda call: world.cancel(uuid) if call == 4 else None
    world.tick()
    assert world.see(uuid).status is Status.DELETED
    assert world.row().state is State.AVAILABLE
    assert 'project_id' not in world.file()


def test_a_lessee_changed_by_hand_is_reported_and_the_node_left_alone(world):
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    world.change(project_id='somebody', provision_state='active')
    world.wait(seconds=61)
    assert world.see(uuid).status is Status.ACTIVE
    assert str(world.see(uuid).reason) == "The node's lessee was changed outside this service."
    assert world.events(uuid)[-1] == 'drift'
    before = world.file()
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.EXPIRED
    assert world.file() == before
    assert world.row().state is State.LOST
    world.machine()
    world.wait(seconds=61)
    assert world.row().state is State.AVAILABLE


def test_a_node_that_is_gone_ends_the_lease_with_the_reason(world):
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    (world.folder / 'n1').unlink()
    world.wait(seconds=61)
    assert str(world.see(uuid).reason) == 'The node does not exist any more.'
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.EXPIRED
    assert str(world.see(uuid).reason) == 'The node does not exist any more.'
    assert world.row().state is State.LOST


@pytest.mark.parametrize('meanwhile', ['tenant', 'holding'])
def test_a_node_that_was_out_of_sight_is_taken_from_the_lessee_when_it_shows_up(world, meanwhile):
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    world.change(provision_state='active', extra={'mine': 'yes'})
    found = world.file()
    (world.folder / 'n1').unlink()
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.EXPIRED
    assert world.row().state is State.LOST
    world.machine(**{**found, 'project_id': meanwhile})
    world.wait(seconds=61)
    world.wait(seconds=1)
    assert world.row().state is State.AVAILABLE
    assert not {'project_id', 'lease_uuid'} & set(world.file())
    assert world.file()['provision_state'] == 'available'
    assert not world.file().get('extra')


def test_an_unexpected_error_is_kept_with_the_lease_and_ends_in_error(world):
    uuid = world.lease('tenant', 0, 10)
    (world.folder / 'n1').write_text(json.dumps({'project_owner_id': 'lender', 'vifs': 7}))
    world.tick()
    assert world.see(uuid).status is Status.WAIT_FULFILL
    assert 'TypeError' in str(world.see(uuid).reason)
    for _ in range(4):
        world.wait(seconds=31)
    assert world.see(uuid).status is Status.ERROR
    world.machine()
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.EXPIRED


def test_one_node_in_trouble_does_not_stop_the_others(world):
    world.machine('n2')
    world.lease('tenant', 0, 10)
    other = world.lease('tenant', 0, 10, 'n2')
    (world.folder / 'n1').write_text('no json')
    world.tick()
    assert world.see(other).status is Status.ACTIVE
