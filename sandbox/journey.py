"""The first journey: two projects lend a node to each other, with the commands they would type."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sandbox import seeds, users
from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.rest import Json
from sandbox.state import State
from sandbox.terminal import Terminal, Typed

_NODE = 'node-1'
_PREFIX = 'tour-'
_NOT_FOUND = 404
_LOST_WITHIN = 3.0  # seconds from the end of a lease to the lessee's last sight of the node
_BACK_WITHIN = 120.0
_LAST_LINES = 3


def run(layout: Layout, state: State, duration: int) -> bool:
    """Walk the whole journey, print a verdict, and tell whether every expectation held."""
    begun = time.monotonic()
    terminal = Terminal(layout, state)
    try:
        journey = _Journey(terminal, state)
        journey.tidy()
        journey.first_round(duration)
        journey.second_round()
        journey.farewell()
    except SandboxError as error:
        terminal.expect(f'the journey gets to its end: {error}', that=False)
    checked = terminal.held + len(terminal.failed)
    took = f'{checked} expectations, {time.monotonic() - begun:.0f} s'
    if terminal.failed:
        print(f'\nThe journey FAILED ({took}): {"; ".join(terminal.failed)}')
    else:
        print(f'\nThe journey succeeded: everything came as expected ({took}).')
    return not terminal.failed


class _Journey:
    """The story, and the eyes of those who take part in it."""

    def __init__(self, terminal: Terminal, state: State) -> None:
        self._terminal = terminal
        self._state = state
        self._projects = seeds.Identity(state).ids('projects')
        self._names = {number: name for name, number in self._projects.items()}
        self._sessions = {
            name: seeds.session(state, users.find(name))
            for name in ('system-admin', 'owner-member', 'lessee-member', 'stranger-member')
        }
        mark = secrets.token_hex(2)
        self._offer = f'{_PREFIX}{mark}'
        self._limited = f'{_PREFIX}{mark}-for-lessee'

    # --- the story ---------------------------------------------------------------------------

    def tidy(self) -> None:
        """Take back what an interrupted journey may have left."""
        owner, url = self._sessions['owner-member'], self._state.url('api')
        for offer in owner.must('GET', f'{url}/v1/offers')['offers']:
            if str(offer['name']).startswith(_PREFIX):
                print(f'Withdrawing the offer {offer["name"]} of an earlier journey.')
                owner.send('DELETE', f'{url}/v1/offers/{offer["uuid"]}')
        self._until_back()

    def first_round(self, duration: int) -> None:
        """Offer, claim, use, end, claim again."""
        terminal = self._terminal
        terminal.say('The owner offers a node: one window for everybody, a later one not.')
        self._must('owner-member', f'esi offer create {_NODE} --name {self._offer} --end-time +1h')
        self._must(
            'owner-member',
            f'esi offer create {_NODE} --name {self._limited} --lessee lessee '
            '--start-time +2h --end-time +1h',
        )

        terminal.say('The lessee finds the offers and claims the first.')
        listed = self._must('lessee-member', 'esi offer list')
        offers = self._sessions['owner-member'].must('GET', f'{self._state.url("api")}/v1/offers')
        uuids = {str(offer['name']): str(offer['uuid']) for offer in offers['offers']}
        for offer in (self._offer, self._limited):
            terminal.expect(f'the lessee sees {offer}', that=uuids[offer] in listed.output)
        lease, end = self._claim('lessee', duration)

        terminal.say('The stranger sees neither the node nor the offer that is not for him.')
        nodes = self._must('stranger-member', 'baremetal node list')
        terminal.expect('the stranger sees no node', that=_NODE not in nodes.output)
        listed = self._must('stranger-member', 'esi offer list')
        terminal.expect('he sees the open offer', that=uuids[self._offer] in listed.output)
        terminal.expect('he does not see the other', that=uuids[self._limited] not in listed.output)
        shown = terminal.type('stranger-member', f'esi offer show {self._limited}')
        terminal.expect('nor when he asks for it by name', that=shown.code != 0)

        terminal.say('The lessee switches the node on; the owner sees the lease.')
        self._must('lessee-member', f'baremetal node power on {_NODE}')
        node = self._until('the node is on', lambda node: node['power_state'] == 'power on')
        terminal.expect('the node is on', that=node['power_state'] == 'power on')
        leases = self._must('owner-member', 'esi lease list')
        terminal.expect('the owner sees the lease', that=lease in leases.output)

        self._see_the_end(lease, end)
        self._claimed_by_another()

    def second_round(self) -> None:
        """Do the same with a lessee who leaves as much behind as he can."""
        terminal = self._terminal
        terminal.say('Once more, and this lessee leaves as much behind as he can.')
        lease, _ = self._claim('lessee', 600)
        allowed = [
            what
            for what, line in (
                ('extra', f'baremetal node set {_NODE} --extra left=behind'),
                ('instance_info', f'baremetal node set {_NODE} --instance-info secret=forgotten'),
                ('deploy', f'baremetal node deploy {_NODE} --wait 60'),
                ('protected', f'baremetal node set {_NODE} --protected'),
                ('console', f'baremetal node console enable {_NODE}'),
            )
            if self._as_lessee_or_admin(line)
        ]
        if self._state.ironic_policy == 'esi':
            terminal.expect(
                'the lessee may do all of this but protect the node',
                that=allowed == ['extra', 'instance_info', 'deploy', 'console'],
            )
        node = self._until('the console is on', lambda node: bool(node['console_enabled']))
        terminal.expect('the console is on', that=bool(node['console_enabled']))
        terminal.expect('the node is deployed', that=node['provision_state'] == 'active')
        terminal.expect('it is protected', that=node['protected'] is True)
        terminal.expect('extra is written', that=node['extra'].get('left') == 'behind')
        self._see_the_end(lease, self._shorten(lease, 15))
        self._claimed_by_another()

    def farewell(self) -> None:
        """Let the owner withdraw what he had offered."""
        self._terminal.say('The owner withdraws his offers.')
        self._must('owner-member', f'esi offer delete {self._offer}')
        self._must('owner-member', f'esi offer delete {self._limited}')
        listed = self._must('owner-member', 'esi offer list')
        self._terminal.expect('no offer is left', that=_NODE not in listed.output)

    # --- its parts ---------------------------------------------------------------------------

    def _claim(self, project: str, seconds: int) -> tuple[str, datetime]:
        """Claim the open offer; return the lease's uuid and end."""
        user = f'{project}-member'
        self._must(
            user, f'esi offer claim {self._offer} --end-time +{seconds}s --wait --timeout 60'
        )
        url = f'{self._state.url("api")}/v1/leases'
        mine = [
            lease
            for lease in self._sessions[user].must('GET', url)['leases']
            if lease['status'] == 'active' and lease['project_id'] == self._projects[project]
        ]
        if not mine:
            raise SandboxError(f'{project} has no active lease after the claim')
        lease, node = mine[-1], self._node()
        expect = self._terminal.expect
        expect(f'the lessee in Ironic is {project}', that=node['lessee'] == self._projects[project])
        expect(
            'the node names the lease', that=node['properties'].get('lease_uuid') == lease['uuid']
        )
        return lease['uuid'], _moment(lease['end_time'])

    def _shorten(self, lease: str, seconds: int) -> datetime:
        """Let the owner move the end of a lease to so many seconds from now; return the end."""
        self._terminal.say('The owner shortens the lease.')
        self._must('owner-member', f'esi lease update {lease} --end-time +{seconds}s')
        url = f'{self._state.url("api")}/v1/leases/{lease}'
        return _moment(self._sessions['owner-member'].must('GET', url)['end_time'])

    def _see_the_end(self, lease: str, end: datetime) -> None:
        """Wait for the end of the lessee's lease and watch the node come back."""
        terminal = self._terminal
        left = (end - datetime.now(UTC)).total_seconds()
        terminal.say(f'The lease ends at {end:%H:%M:%S} UTC, in {left:.0f} s.')
        time.sleep(max(0.0, left - 0.5))
        url = f'{self._state.url("ironic")}/v1/nodes/{_NODE}'
        seen, late = 200, 0.0
        while seen != _NOT_FOUND and late < _BACK_WITHIN:
            code, _ = self._sessions['lessee-member'].send('GET', url, version=seeds.IRONIC_VERSION)
            late = (datetime.now(UTC) - end).total_seconds()
            if code == _NOT_FOUND and late < 0:
                terminal.expect('the lessee keeps the node to the end', that=False)
            seen = code
            time.sleep(0.1)
        terminal.expect(
            f'the lessee has lost the node {late:.1f} s after the end',
            that=seen == _NOT_FOUND and late < _LOST_WITHIN,
        )
        states = self._until_back()
        terminal.say(f'Provision states seen since the end: {", ".join(states)}.')
        terminal.expect('the node was cleaned', that=any('clean' in state for state in states))
        shown = terminal.type('lessee-member', f'baremetal node show {_NODE}')
        terminal.expect('the lessee does not find the node', that=shown.code != 0)
        shown = self._must(
            'owner-member',
            f'baremetal node show {_NODE} -c provision_state -c power_state -c lessee '
            '-c properties -c extra -c protected -c console_enabled -c instance_info',
        )
        self._expect_nothing_left()
        shown = self._must('lessee-member', f'esi lease show {lease} -c uuid -c status -c end_time')
        terminal.expect('the lease is expired', that='expired' in shown.output)

    def _expect_nothing_left(self) -> None:
        node, expect = self._node(), self._terminal.expect
        expect('the node is available', that=node['provision_state'] == 'available')
        expect('it has no lessee', that=not node['lessee'])
        expect('it names no lease', that='lease_uuid' not in node['properties'])
        expect('it is off', that=node['power_state'] == 'power off')
        expect('its console is off', that=not node['console_enabled'])
        expect('it is not protected', that=not node['protected'])
        left = {**node['extra'], **node['instance_info']}
        expect('nothing of the lessee is in extra or instance_info', that=not left)

    def _claimed_by_another(self) -> None:
        terminal = self._terminal
        terminal.say('The node is claimed by another, who gives it back early.')
        lease, _ = self._claim('stranger', 600)
        nodes = self._must('stranger-member', 'baremetal node list')
        terminal.expect('now the stranger sees the node', that=_NODE in nodes.output)
        self._must('stranger-member', f'esi lease delete {lease} --wait --timeout 120')
        self._until_back()
        self._expect_nothing_left()

    def _as_lessee_or_admin(self, line: str) -> bool:
        """Run a command as the lessee or, where the rules forbid it, as the cloud's admin."""
        typed = self._terminal.type('lessee-member', line)
        if typed.code == 0:
            return True
        if '403' not in typed.output:
            raise SandboxError(f'"openstack {line}" failed for the lessee')
        self._terminal.say("Ironic's rules forbid this to the lessee; the cloud's admin does it.")
        self._must('system-admin', line)
        return False

    def _must(self, user: str, line: str) -> Typed:
        """Run a command that has to succeed for the story to go on."""
        typed = self._terminal.type(user, line)
        if typed.code:
            last = ' '.join(typed.output.split('\n')[-_LAST_LINES:]).strip()
            raise SandboxError(f'"openstack {line}" ended with {typed.code}: {last}')
        return typed

    # --- looking -----------------------------------------------------------------------------

    def _node(self) -> Json:
        """Return the node as the cloud's admin sees it."""
        url = f'{self._state.url("ironic")}/v1/nodes/{_NODE}'
        return self._sessions['system-admin'].must('GET', url, version=seeds.IRONIC_VERSION)

    def _until(self, what: str, true_of: Callable[[Json], bool], seconds: float = 30) -> Json:
        deadline = time.monotonic() + seconds
        while True:
            node = self._node()
            if true_of(node):
                return node
            if time.monotonic() > deadline:
                raise SandboxError(
                    f'not so after {seconds:.0f} s: {what} (provision state '
                    f'{node["provision_state"]}, {node["power_state"]}, lessee '
                    f'{self._names.get(node["lessee"], node["lessee"])}, last error '
                    f'{node["last_error"]})'
                )
            time.sleep(0.2)

    def _until_back(self) -> list[str]:
        """Wait until the node is available and nobody's; return the states it went through."""
        states: list[str] = []

        def back(node: Json) -> bool:
            state = str(node['provision_state'])
            if not states or states[-1] != state:
                states.append(state)
            return state == 'available' and not node['lessee'] and not node['reservation']

        self._until('the node is back', back, _BACK_WITHIN)
        return states


def _moment(text: str) -> datetime:
    """Return a time of the API; one without a zone is in UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
