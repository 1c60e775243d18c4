"""The command line of the sandbox: ``python -m sandbox --help``."""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from sandbox import cloud, journey, services, shell, users
from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.state import State, locked


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    options = _parser().parse_args(arguments)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        return _run(options, Layout())
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('\nInterrupted; "down" ends what still runs.', file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='sandbox', description='A real Keystone, Ironic and lease service on this machine.'
    )
    choices = argparse.ArgumentParser(add_help=False)
    choices.add_argument('--nodes', type=int, metavar='N', help='fake nodes to enrol (3)')
    choices.add_argument(
        '--database',
        choices=('sqlite', 'mariadb', 'postgresql'),
        help="the lease service's database (sqlite)",
    )
    choices.add_argument(
        '--ironic-policy',
        choices=('esi', 'default'),
        help="load policies/ironic, or leave Ironic's own rules (esi)",
    )
    choices.add_argument(
        '--console',
        action='store_const',
        const=True,
        help='add console-1, a node with a real serial console, and the proxy that leads to it',
    )
    choices.add_argument(
        '--redfish',
        action='store_const',
        const=True,
        help='add redfish-1, a node with a BMC that speaks Redfish, for virtual media',
    )
    choices.add_argument(
        '--neutron',
        action='store_const',
        const=True,
        help='add a real Neutron with a network for each project, to which nodes can be attached',
    )
    choices.add_argument(
        '--fresh', action='store_true', help='begin anew; only the environments are kept'
    )
    tour = argparse.ArgumentParser(add_help=False)
    tour.add_argument(
        '--duration',
        type=int,
        default=120,
        metavar='SECONDS',
        help='length of the first lease of the journey (120)',
    )
    for known in (choices, tour):
        for action in known._actions:  # noqa: SLF001 - argparse offers no other way to reuse them
            parser._add_action(action)  # noqa: SLF001
    commands = parser.add_subparsers(dest='command', metavar='COMMAND')
    up = commands.add_parser(
        'up', parents=[choices], help='bring the cloud up and leave it running'
    )
    up.add_argument(
        '--no-lease-service', action='store_true', help='Keystone, Ironic and the nodes only'
    )
    commands.add_parser(
        'demo', parents=[choices, tour], help='run the journey and exit with its verdict'
    )
    commands.add_parser('down', help='end the cloud; its data stays for the next up')
    commands.add_parser('status', help='show what runs')
    env = commands.add_parser('env', help='print shell exports for a user')
    env.add_argument('user')
    for verb in ('start', 'stop', 'restart'):
        command = commands.add_parser(verb, help=f'{verb} one service')
        command.add_argument('name', choices=services.NAMES)
    return parser


def _run(options: argparse.Namespace, layout: Layout) -> int:
    code = 0
    match options.command:
        case 'up':
            _up(options, layout, lease_service=not options.no_lease_service)
            print(_NEXT)
        case 'down':
            with locked(layout):
                ended = cloud.down(layout)
            print(f'Ended: {", ".join(ended)}.' if ended else 'Nothing was running.')
        case 'status':
            code = _status(layout)
        case 'env':
            print(shell.exports(layout, _existing(layout), users.find(options.user)))
        case 'start' | 'stop' | 'restart':
            code = _one(options.command, options.name, layout)
        case 'demo':
            code = _demo(options, layout)
        case _:
            code = _stay(options, layout)
    return code


def _up(options: argparse.Namespace, layout: Layout, *, lease_service: bool = True) -> State:
    with locked(layout):
        if options.fresh:
            cloud.forget(layout)
        return cloud.up(
            layout,
            nodes=options.nodes,
            database=options.database,
            ironic_policy=options.ironic_policy,
            console=options.console,
            redfish=options.redfish,
            neutron=options.neutron,
            lease_service=lease_service,
        )


def _demo(options: argparse.Namespace, layout: Layout) -> int:
    """Run the journey; leave the machine as it was found: a cloud that ran before goes on."""
    was_running = bool(State.load(layout).processes)
    try:
        state = _up(options, layout)
        return 0 if journey.run(layout, state, options.duration) else 1
    finally:
        if not was_running:
            with locked(layout):
                cloud.down(layout)


def _stay(options: argparse.Namespace, layout: Layout) -> int:
    """Bring the cloud up, run the journey, and stay until Ctrl-C."""
    good = False
    try:
        state = _up(options, layout)
        good = journey.run(layout, state, options.duration)
        print(_NEXT)
        print('Ctrl-C ends the cloud.')
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return 0 if good else 1
    finally:
        print('\nEnding the cloud ...')
        with locked(layout):
            cloud.down(layout)


def _one(verb: str, name: str, layout: Layout) -> int:
    with locked(layout):
        state = _existing(layout)
        if verb != 'start':
            services.stop(layout, state, name)
        if verb != 'stop':
            services.start(layout, state, name)
    print(f'{name}: {"stopped" if verb == "stop" else "up"}')
    return 0


def _status(layout: Layout) -> int:
    rows, healthy = cloud.status(layout)
    for name, condition, pid, where, log in rows:
        print(f'{name:9} {condition:14} {pid:>8} {where:24} {log}')
    return 0 if healthy else 1


def _existing(layout: Layout) -> State:
    state = State.load(layout)
    if not state.complete:
        raise SandboxError('There is no cloud yet; "up" makes one.')
    return state


_NEXT = """
What to do now, in another terminal:
    eval "$(tox -qq -e sandbox -- env owner-member)"   become a user (any other word lists them)
    openstack esi offer create node-2 --end-time +1h
    eval "$(tox -qq -e sandbox -- env lessee-member)"
    openstack esi offer list
    openstack esi offer claim OFFER --end-time +10m --wait
    openstack baremetal node list
    tox -e sandbox -- status | down"""

if __name__ == '__main__':
    sys.exit(main())
