"""A lease from its start to the return of its node, and the obstacles to both."""

import json

import pytest

from esi_leap.core.errors import NodeBusyError, UnavailableError
from esi_leap.core.handover.steps import Provision
from esi_leap.core.lease import Status
from esi_leap.core.node import State


def test_lease_starts_and_ends_on_time(world):
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


def test_return_restores_the_fields_of_the_node(world):
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


def test_return_removes_media_volumes_and_boot_devices_of_the_lessee(world):
    volumes = {'connectors/1': 'long ago'}
    properties = {'cpus': 16, 'capabilities': 'boot_mode:uefi'}
    world.machine(volumes=volumes, traits=['CUSTOM_FAST'], properties=properties)
    world.lease('tenant', 0, 10)
    world.tick()
    assert world.row().remembered[0]['volumes'] == volumes
    world.change(
        media=True,
        boots=True,
        volumes={**volumes, 'targets/mine': 'now'},
        traits=['CUSTOM_MINE'],
        properties={'cpus': 1, 'mine': 'x'},
    )
    world.wait(minutes=10)
    after = world.file()
    assert (after['media'], after['boots'], after['volumes']) == (False, False, volumes)
    assert (after['traits'], after['properties']) == (['CUSTOM_FAST'], properties)
    assert world.row().state is State.AVAILABLE
    assert world.row().remembered == ()


def test_hand_over_waits_until_the_volumes_can_be_read(world):
    def away(uuid: str) -> dict[str, str]:
        raise UnavailableError('Ironic answered 503; try again.')

    world.nodes.volumes = away
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    assert world.see(uuid).status is Status.WAIT_FULFILL
    assert world.see(uuid).reason == 'Ironic answered 503; try again.'
    assert world.row().state is State.AVAILABLE
    del world.nodes.volumes
    world.wait(seconds=30)
    assert world.see(uuid).status is Status.ACTIVE


def test_node_that_was_never_deployed_is_cleaned(world):
    world.lease('tenant', 0, 10)
    world.tick()
    world.wait(minutes=10)
    assert [each.target for each in world.nodes.verbs if isinstance(each, Provision)] == [
        'manage',
        'provide',
    ]


def test_next_lessee_gets_a_clean_node(world):
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
    assert world.see(second).reason.startswith('The node is being returned by its last lessee')
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
def test_lease_waits_with_a_reason_while_the_node_is_not_fit(world, content, reason):
    uuid = world.lease('tenant', 0, 10)
    before = {**world.file(), **content}
    world.machine(**before)
    world.tick()
    world.wait(seconds=40)
    assert world.see(uuid).status is Status.WAIT_FULFILL
    assert world.see(uuid).reason == reason
    assert world.file() == before
    assert world.events(uuid) == ['create.end', 'fulfill.error']
    world.machine()
    world.wait(seconds=31)
    assert world.see(uuid).status is Status.ACTIVE
    assert world.see(uuid).reason is None


def test_lease_that_never_got_its_node_expires(world):
    world.machine(maintenance=True)
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.EXPIRED
    assert world.see(uuid).fulfill_time is None


def test_another_reason_restarts_the_back_off(world):
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
    assert world.see(uuid).reason == 'The node is locked.'
    world.nodes.before = lambda call: None
    world.wait(seconds=1)
    assert world.see(uuid).status is Status.ACTIVE


@pytest.mark.parametrize('error', [UnavailableError('no answer'), NodeBusyError('locked')])
def test_lease_waits_until_the_node_can_be_taken_and_then_ends(world, error):
    uuid = world.lease('tenant', 0, 10)
    world.tick()

    def fail(call: int) -> None:
        raise error

    world.nodes.before = fail
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.WAIT_EXPIRE
    assert world.see(uuid).reason == error.message
    assert world.file()['project_id'] == 'tenant'
    world.nodes.before = lambda call: None
    world.wait(seconds=3)
    assert world.see(uuid).status is Status.EXPIRED


def test_cancelled_lease_is_deleted_when_the_lessee_has_lost_the_node(world):
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    world.cancel(uuid)
    assert world.see(uuid).status is Status.WAIT_CANCEL
    assert world.file()['project_id'] == 'tenant'
    world.tick()
    assert world.see(uuid).status is Status.DELETED
    assert 'project_id' not in world.file()


def test_node_of_a_lease_cancelled_during_its_hand_over_is_returned(world):
    uuid = world.lease('tenant', 0, 10)
    world.nodes.after = lambda call: world.cancel(uuid) if call == 4 else None
    world.tick()
    assert world.see(uuid).status is Status.DELETED
    assert world.row().state is State.AVAILABLE
    assert 'project_id' not in world.file()


def test_changed_lessee_is_reported_and_the_node_is_left_alone(world):
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    world.change(project_id='somebody', provision_state='active')
    world.wait(seconds=61)
    assert world.see(uuid).status is Status.ACTIVE
    assert world.see(uuid).reason == "The node's lessee was changed outside this service."
    assert world.events(uuid)[-1] == 'drift'
    before = world.file()
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.EXPIRED
    assert world.file() == before
    assert world.row().state is State.LOST
    world.machine()
    world.wait(seconds=61)
    assert world.row().state is State.AVAILABLE


def test_missing_node_ends_the_lease_with_the_reason(world):
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    (world.folder / 'n1').unlink()
    world.wait(seconds=61)
    assert world.see(uuid).reason == 'The node does not exist any more.'
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.EXPIRED
    assert world.see(uuid).reason == 'The node does not exist any more.'
    assert world.row().state is State.LOST


@pytest.mark.parametrize('meanwhile', ['tenant', 'holding'])
def test_node_that_reappears_is_taken_from_its_last_lessee(world, meanwhile):
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


def test_unexpected_errors_are_kept_on_the_lease_and_end_in_error(world):
    uuid = world.lease('tenant', 0, 10)
    (world.folder / 'n1').write_text(json.dumps({'project_owner_id': 'lender', 'vifs': 7}))
    world.tick()
    assert world.see(uuid).status is Status.WAIT_FULFILL
    assert 'TypeError' in world.see(uuid).reason
    for _ in range(4):
        world.wait(seconds=31)
    assert world.see(uuid).status is Status.ERROR
    world.machine()
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.EXPIRED


def test_failing_node_does_not_stop_the_others(world):
    world.machine('n2')
    world.lease('tenant', 0, 10)
    other = world.lease('tenant', 0, 10, 'n2')
    (world.folder / 'n1').write_text('no json')
    world.tick()
    assert world.see(other).status is Status.ACTIVE
