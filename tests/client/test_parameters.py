"""The client has every parameter of every list: its proxy and its commands, against the API."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from esi_leap_client.osc.v1 import base
from esi_leap_client.v1 import _proxy

from .test_commands import COMMANDS

if TYPE_CHECKING:
    from .conftest import Esi, Peer

DOCUMENT = json.loads(
    (Path(__file__).parents[2] / 'doc/source/published/api/openapi.json').read_text()
)
#: The parameters of each list, by its noun.
LISTS: dict[str, set[str]] = {
    path.removeprefix('/v1/'): names
    for path, item in DOCUMENT['paths'].items()
    for found in [item.get('get', {}).get('parameters', ())]
    if (names := {each['name'] for each in found if each.get('in') == 'query'})
}
KINDS = {
    kind.resources_key: kind
    for kind in _proxy.Proxy._resource_registry.values()  # noqa: SLF001
    if kind.allow_list
}
#: Two parameters that say the same; a command needs one of them.
ALIASES = {'offers': {'lessee'}, 'events': {'marker'}}
NODE = '--resource-type t --resource-uuid n --resource-class c --resource-class d'
PAGE = '--limit 2 --marker m --sort name:desc'
SINCE = '2032-01-01 +1d'
FILTERS = {
    'offers': f'--uuid u --name n --status any --time-range {SINCE} --availability-range {SINCE} '
    f'--project p --lessee q --parent-lease-uuid l {NODE} --property "cpus>=4" '
    """--properties '{"rack": "r1"}'""",
    'leases': f'--all --uuid u --name n --status any --offer-uuid o --contract-uuid c '
    f'--parent-lease-uuid l --time-range {SINCE} --project p --owner q --purpose x {NODE} '
    """--property "cpus>=4" --properties '{"rack": "r1"}'""",
}
#: For each list, a command that gives every option.
TYPED = {
    'offers': f'offer list --long {FILTERS["offers"]} {PAGE}',
    'leases': f'lease list --long {FILTERS["leases"]} {PAGE}',
    'contracts': '--all --uuid u --name n --status any --project p --owner q --offer-uuid o',
    'recalls': f'recall list --all --uuid u --project p --status any {PAGE}',
    'nodes': 'node list --long --uuid u --name n --resource-type t --resource-class c --owner p '
    f'--lessee q --offer-uuid o --lease-uuid l --property "cpus>=4" {PAGE}',
    'events': 'event list --project p --last-event-id 7 --last-notification-time 2032-01-01 '
    '--event-type e --resource-type t --resource-uuid n --limit 2',
}
TYPED['contracts'] = f'contract list {TYPED["contracts"]} {PAGE}'
#: Options that exclude another one.
INSTEAD = {'now'}  # --availability-range


def test_every_list_is_there() -> None:
    assert set(LISTS) == set(KINDS) == set(TYPED)


@pytest.mark.parametrize('noun', LISTS)
def test_the_proxy_takes_every_parameter(noun: str) -> None:
    assert {*KINDS[noun]._query_mapping._mapping} == LISTS[noun] | {'limit', 'marker'}  # noqa: SLF001


@pytest.mark.parametrize('noun', LISTS)
def test_a_command_sends_every_parameter(esi: Esi, peer: Peer, noun: str) -> None:
    peer.answers.append((200, {noun: []}, 'application/json'))
    done = esi(*shlex.split(TYPED[noun]))
    assert (done.status, done.err) == (0, '')
    [(method, path, query, _)] = peer.asked
    assert (method, path) == ('GET', f'/v1/{noun}')
    assert {*query} == LISTS[noun] - ALIASES.get(noun, set())
    if 'properties' in query:
        assert json.loads(query['properties']) == {'rack': 'r1'}


class Bare(base.Lister):
    """A list command with no options but those for the form of its output."""

    def take_action(self, _: object) -> object:
        return (), ()


def options(name: str) -> set[str]:
    """The options of a command, without those for the form of its output."""
    parsers = [kind(None, None).get_parser(name) for kind in (COMMANDS[name].load(), Bare)]
    own, bare = ({each.dest for each in parser._actions} for parser in parsers)  # noqa: SLF001
    return own - bare


@pytest.mark.parametrize('noun', LISTS)
def test_every_option_of_a_command_is_tried(noun: str) -> None:
    words = shlex.split(TYPED[noun])
    tried = {each[2:].replace('-', '_') for each in words if each.startswith('--')}
    assert options(f'esi {noun.removesuffix("s")} list') - INSTEAD == tried


@pytest.mark.parametrize('noun', FILTERS)
def test_the_lists_of_several_clouds_have_the_same_filters(noun: str) -> None:
    one, several = (options(f'esi {way}{noun.removesuffix("s")} list') for way in ('', 'mdc '))
    assert several - {'clouds', 'timeout'} == one - {'limit', 'marker', 'sort', 'long'}
