"""A small pure model of a node in Ironic, as far as a hand-over and a return can meet it.

States, verbs and the ways out of each state are those of the installed Ironic, with which
`tests/sandbox/test_states.py` compares them; so is what it refuses. A decision of the core that
Ironic would refuse is a defect: the model fails on it.
"""

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from esi_leap.core.handover.leftovers import (
    BootAsUsual,
    EjectMedia,
    Leftovers,
    Removal,
    RemoveVolume,
)
from esi_leap.core.handover.machine import LABEL, LESSEE, Machine
from esi_leap.core.handover.network import NO_ATTACHMENTS, Attachment, Attachments, Unbind
from esi_leap.core.handover.steps import (
    ConsoleOff,
    DetachVif,
    Maintain,
    Patch,
    PowerOff,
    Provision,
    SetTraits,
    Verb,
)

from .given import HOLDING, STRANGER, TENANT, a_machine

#: Where each verb leads.
VERBS = {
    ('active', 'deleted'): 'deleting',
    ('active', 'rebuild'): 'deploying',
    ('active', 'rescue'): 'rescuing',
    ('active', 'service'): 'servicing',
    ('adopt failed', 'adopt'): 'adopting',
    ('adopt failed', 'manage'): 'manageable',
    ('available', 'active'): 'deploying',
    ('available', 'manage'): 'manageable',
    ('clean failed', 'manage'): 'manageable',
    ('clean hold', 'abort'): 'clean failed',
    ('clean hold', 'unhold'): 'clean wait',
    ('clean wait', 'abort'): 'clean failed',
    ('deploy failed', 'active'): 'deploying',
    ('deploy failed', 'deleted'): 'deleting',
    ('deploy failed', 'rebuild'): 'deploying',
    ('deploy hold', 'abort'): 'deploy failed',
    ('deploy hold', 'unhold'): 'wait call-back',
    ('enroll', 'manage'): 'verifying',
    ('error', 'deleted'): 'deleting',
    ('error', 'rebuild'): 'deploying',
    ('inspect failed', 'inspect'): 'inspecting',
    ('inspect failed', 'manage'): 'manageable',
    ('inspect wait', 'abort'): 'inspect failed',
    ('manageable', 'adopt'): 'adopting',
    ('manageable', 'inspect'): 'inspecting',
    ('manageable', 'provide'): 'cleaning',
    ('rescue', 'deleted'): 'deleting',
    ('rescue', 'rescue'): 'rescuing',
    ('rescue', 'unrescue'): 'unrescuing',
    ('rescue failed', 'deleted'): 'deleting',
    ('rescue failed', 'rescue'): 'rescuing',
    ('rescue failed', 'unrescue'): 'unrescuing',
    ('rescue wait', 'abort'): 'rescue failed',
    ('rescue wait', 'deleted'): 'deleting',
    ('service failed', 'abort'): 'active',
    ('service failed', 'deleted'): 'deleting',
    ('service failed', 'rescue'): 'rescuing',
    ('service failed', 'service'): 'servicing',
    ('service hold', 'abort'): 'service failed',
    ('service hold', 'service'): 'servicing',
    ('service hold', 'unhold'): 'service wait',
    ('service wait', 'abort'): 'service failed',
    ('service wait', 'deleted'): 'deleting',
    ('unrescue failed', 'deleted'): 'deleting',
    ('unrescue failed', 'rescue'): 'rescuing',
    ('unrescue failed', 'unrescue'): 'unrescuing',
    ('wait call-back', 'abort'): 'deploy failed',
    ('wait call-back', 'deleted'): 'deleting',
}

#: Where a state leads by itself: the good end first.
MOVES = {
    'adopting': ('active', 'adopt failed'),
    'clean wait': ('cleaning', 'clean failed', 'clean hold'),
    'cleaning': ('available', 'clean failed', 'clean wait', 'clean hold'),
    'deleting': ('cleaning', 'error'),
    'deploying': ('active', 'deploy failed', 'wait call-back', 'deploy hold'),
    'inspect wait': ('manageable', 'inspect failed', 'inspecting'),
    'inspecting': ('manageable', 'inspect failed', 'inspect wait'),
    'rescue wait': ('rescuing', 'rescue failed'),
    'rescuing': ('rescue', 'rescue failed', 'rescue wait'),
    'service wait': ('servicing', 'service failed', 'service hold'),
    'servicing': ('active', 'service failed', 'service wait', 'service hold'),
    'unrescuing': ('active', 'unrescue failed'),
    'verifying': ('manageable', 'enroll'),
    'wait call-back': ('deploying', 'deploy failed', 'deploy hold'),
}

STATES = sorted({state for state, _ in VERBS} | set(MOVES))

#: States in which Ironic answers 409 to a PATCH: what is on its way, but for some.
LOCKED = (set(MOVES) | {'clean hold', 'deploy hold'}) - {'inspect wait', 'verifying'}

#: States in which `resource_class` can be written.
UNBUILT = {'available', 'manageable', 'enroll', 'inspecting', 'inspect wait'}

#: What the node's owner wrote, before any tenant came.
FIELDS = {
    'extra': {'rack': 7},
    'description': 'the one by the door',
    'resource_class': 'big',
    'protected': False,
    'protected_reason': None,
    'properties': {'cpus': 16},
    'traits': ['CUSTOM_FAST'],
}

#: Ports that may be bound to it: a tenant's, one that has no business there, and Ironic's own.
MINE, FOREIGN = Attachment(id='v1', project_id=TENANT), Attachment(id='x', project_id=STRANGER)
RAMDISK = Attachment(id='r', project_id='p-service', of_ironic=True)


@dataclass
class Metal:
    """One node.

    Attributes:
        deployed: an image was written and not torn down.
        traces: the tenants who have had the node since it was cleaned.
        rightful: the lessee who lost it outside the service, and may get it back from anybody.
        inherited: nothing remembers what its fields were before its first lease.
    """

    machine: Machine = field(default_factory=lambda: a_machine(fields=FIELDS))
    deployed: bool = False
    traces: frozenset[str] = frozenset()
    rightful: str | None = None
    inherited: bool = False

    @property
    def state(self) -> str:
        return self.machine.provision_state

    @property
    def tenant(self) -> str | None:
        return None if self.machine.lessee == HOLDING else self.machine.lessee

    @property
    def writers(self) -> frozenset[object]:
        """The tenants whose names are in its fields."""
        extra, properties = (self.machine.fields[name] for name in ('extra', 'properties'))
        return frozenset({extra.get('mine'), properties.get('of')} - {None})

    def set(self, **values: object) -> None:
        self.machine = replace(self.machine, **values)  # type: ignore[arg-type]
        self.traces |= {self.tenant} - {None}

    def write(self, **values: object) -> None:
        self.set(fields={**self.machine.fields, **values})

    def leave(self, **values: object) -> None:
        self.set(left=replace(self.machine.left, **values))

    def enter(self, state: str) -> None:
        if state == 'cleaning' and not self.machine.cleans:
            state = 'available'
        self.set(provision_state=state, busy='on its way' if state in LOCKED else None)
        if state in {'deploying', 'active'}:
            self.deployed = True
            self.set(instance_info=True, power_state='power on')

    def tick(self, choice: int = 0) -> None:
        """Let Ironic go on; 0 is the good way."""
        before = self.state
        ways = MOVES.get(before, (before,))
        after = ways[choice % len(ways)]
        if (before, after) == ('deleting', 'cleaning'):
            self.deployed = False
            self.set(instance_info=False, vifs=(), instance=None, power_state='power off')
        if (before, after) == ('cleaning', 'available'):
            self.traces = frozenset()
        if (before, after) == ('cleaning', 'clean failed'):
            self.set(maintenance=True, maintenance_reason='cleaning failed', fault='clean failure')
        self.enter(after)

    def do(self, verb: Verb) -> None:
        """Carry out a verb, or fail where Ironic would refuse it."""
        match verb:
            case Patch(values):
                self._patch(dict(values))
            case Provision(target):
                assert (self.state, target) in VERBS, f'{target} is refused in {self.state}'
                assert target != 'deleted' or not self.machine.fields['protected']
                assert target != 'provide' or not self.machine.maintenance
                boots = target in {'deleted', 'provide'} and self.machine.cleans
                assert not (boots and self.machine.left.media), 'the cleaning would boot from them'
                open_to = self.machine.ports.of_tenants
                assert target != 'provide' or not open_to, 'they would reach what cleans it'
                self.enter(VERBS[self.state, target])
            case PowerOff():
                self.set(power_state='power off')
            case ConsoleOff():
                self.set(console=False)
            case Maintain(reason):
                self.set(maintenance=reason is not None, maintenance_reason=reason, fault=None)
            case DetachVif(vif):
                # Off Ironic's list, and bound as before: the worst that can come of it.
                self.set(vifs=tuple(each for each in self.machine.vifs if each != vif))
            case Unbind(port):
                assert self.state not in MOVES, 'Ironic needs its own'
                found = self.machine.ports.found
                self.set(ports=Attachments(tuple(each for each in found if each.id != port)))
            case SetTraits(traits):
                self.write(traits=list(traits))
            case EjectMedia() | RemoveVolume() | BootAsUsual():
                self._remove(verb)

    def _remove(self, verb: Removal) -> None:
        match verb:
            case EjectMedia():
                self.leave(media=False)
            case RemoveVolume(volume):
                assert self.machine.power_state == 'power off'
                assert not self.deployed, 'the tear-down needs it'
                left = dict(self.machine.left.volumes)
                del left[volume]
                self.leave(volumes=left)
            case BootAsUsual():
                self.leave(boots=False)

    def _patch(self, values: dict[str, object]) -> None:
        assert self.state not in LOCKED, f'PATCH is refused in {self.state}'
        assert not values.get('protected')
        assert 'resource_class' not in values or self.state in UNBUILT
        if 'instance_info' in values:
            assert not self.deployed, 'the tear-down needs instance_info'
            assert values.pop('instance_info') is None
            self.set(instance_info=False)
        if 'instance_uuid' in values:
            assert values.pop('instance_uuid') is None
            self.set(instance=None)
        if LABEL in values:
            self.set(lease_label=values.pop(LABEL))
        if 'properties' in values:  # the label is one of them
            self.set(lease_label=None)
        if LESSEE in values:
            self._lend(values.pop(LESSEE))
        if values.get('protected') is False:
            values['protected_reason'] = None
        self.write(**values)

    def _lend(self, lessee: object) -> None:
        if lessee not in {None, HOLDING, self.rightful}:
            assert self.machine.lessee == HOLDING, 'it came from somebody else'
            undone = self.machine.lease_label is not None and self.traces <= {lessee}
            if not undone:
                self._lend_anew(lenders(str(lessee)))
        self.set(lessee=lessee)

    def _lend_anew(self, known: frozenset[str]) -> None:
        assert self.state == 'available'
        assert not self.machine.maintenance
        assert not self.machine.vifs
        assert not self.machine.ports.bound
        assert not self.machine.console
        assert not self.deployed
        assert self.machine.left == Leftovers() or len(known) > 1  # his lender's
        assert self.traces <= known or not self.machine.cleans
        assert (
            self.inherited
            or self.machine.fields == FIELDS
            or (self.writers and self.writers <= known)
        )


def lenders(project: str) -> frozenset[str]:
    """Return a project and those that sub-let to it; `sub-x` has its nodes from `x`."""
    above = lenders(project.removeprefix('sub-')) if project.startswith('sub-') else frozenset()
    return above | {project}


def metals(lessee: str | None, label: str | None) -> st.SearchStrategy[Metal]:
    """Whatever a tenant may have left."""
    machine = st.builds(
        a_machine,
        lessee=st.just(lessee),
        lease_label=st.just(label),
        provision_state=st.sampled_from(STATES),
        power_state=st.sampled_from(['power on', 'power off', None]),
        fields=st.fixed_dictionaries(
            {
                'extra': st.sampled_from([FIELDS['extra'], {'mine': True}, {}]),
                'description': st.sampled_from([FIELDS['description'], 'mine', None]),
                'resource_class': st.sampled_from([FIELDS['resource_class'], 'mine']),
                'protected': st.booleans(),
                'protected_reason': st.sampled_from([None, 'hands off']),
                'properties': st.sampled_from([FIELDS['properties'], {'cpus': 1, 'a': 'mine'}]),
                'traits': st.sampled_from([FIELDS['traits'], [], ['CUSTOM_MINE']]),
            }
        ),
        left=st.builds(
            Leftovers,
            media=st.booleans(),
            volumes=st.sampled_from([{}, {'connectors/mine': 'now', 'targets/mine': 'now'}]),
            boots=st.booleans(),
        ),
        instance=st.sampled_from([None, 'i1']),
        instance_info=st.booleans(),
        console=st.booleans(),
        vifs=st.sampled_from([(), ('v1',), ('v1', 'v2')]),
        ports=st.sampled_from(
            [NO_ATTACHMENTS, Attachments((MINE,)), Attachments((RAMDISK, MINE, FOREIGN))]
        ),
        cleans=st.booleans(),
    )
    idle = {'available', 'manageable', 'enroll', 'verifying', 'cleaning', 'clean wait'}
    idle |= {'clean failed', 'clean hold', 'inspecting', 'inspect wait', 'inspect failed'}
    idle |= {'adopting', 'adopt failed'}
    return machine.map(
        lambda each: Metal(
            replace(each, busy='on its way' if each.provision_state in LOCKED else None),
            deployed=each.provision_state not in idle,
            traces=frozenset({lessee} - {None}),
        )
    )
