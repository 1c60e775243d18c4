"""The same load on ours and on the service it takes the place of, in one run on one machine.

    python -m sandbox up --database mariadb --no-lease-service
    python -m benchmarks.side_by_side [--offers 1000] [--only ours] [--output FILE]

Both have the same Keystone, the same Ironic, the same MariaDB server, two API workers and a
manager. The existing service is installed from PyPI into an environment of its own. What is
printed are two tables; ``--output`` keeps them as CSV, and all numbers as JSON.

With ``--against COMMIT`` this tree is compared with another commit; that needs no cloud.
See `benchmarks.against`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import against, fleet, meters, report
from benchmarks.contestants import Cloud, Contestant, Existing, Ours, running
from benchmarks.load import PHASES, Answer, Load, Phase
from sandbox import databases, seeds, users
from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.state import State

#: Seconds over which an idle service is watched.
_WATCHED = 3
_OFFERS, _OFFERS_AGAINST = 1000, 100


@dataclass(frozen=True, slots=True)
class Measured:
    """One phase in numbers; times in seconds, each of CPU and statements for one operation."""

    operations: int
    rate: float
    median: float
    p99: float
    slowest: float
    statuses: dict[str, int]
    statements: float
    cpu: dict[str, float]
    broken: list[str]


def main() -> None:
    """Measure, and print the table."""
    options = _options()
    if options.report:
        _report(json.loads(options.report.read_text()), options.report)
        return
    if options.against:
        _compare(options)
        return
    layout = Layout()
    state = State.load(layout)
    if not state.complete:
        raise SystemExit('There is no cloud: python -m sandbox up --no-lease-service')
    contestants: list[Contestant] = [
        each for each in (Existing, Ours) if options.only in {None, each.key}
    ]
    results: dict[str, Any] = {
        'machine': _machine(),
        'nodes': options.nodes,
        'offers': options.offers,
        'clients': options.clients,
        'services': {},
    }
    with tempfile.TemporaryDirectory() as name, databases.MariaDB() as server:
        cloud = Cloud(layout, state, server, Path(name))
        make = fleet.in_ironic if options.nodes == 'ironic' else fleet.in_files
        nodes = make(cloud, options.offers + 1)
        for contestant in contestants:
            results['services'][contestant.key] = _measure(contestant, cloud, nodes, options)
    _report(results, options.output)


def _compare(options: argparse.Namespace) -> None:
    """Compare this tree with another commit, print the table, and keep the numbers as JSON."""
    results = against.run(
        options.against,
        database=options.database,
        rounds=options.rounds,
        offers=options.offers,
        leases=options.leases,
    )
    results = {'machine': _machine(), **results}
    print(f'\n{report.aligned(against.table(results))}')
    if options.output:
        options.output.write_text(json.dumps(results, indent=1) + '\n')


def _report(results: dict[str, Any], output: Path | None) -> None:
    """Print the tables; keep the numbers as JSON, and the tables beside them as CSV."""
    tables = {'': report.phases(results), '-memory': report.memory(results)}
    for each in tables.values():
        print(f'\n{report.aligned(each)}')
    if output:
        output.write_text(json.dumps(results, indent=1) + '\n')
        for suffix, each in tables.items():
            with output.with_name(f'{output.stem}{suffix}.csv').open('w', newline='') as file:
                csv.writer(file, lineterminator='\n').writerows(each)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument(
        '--nodes',
        choices=['ironic', 'dummy'],
        default='ironic',
        help="where the nodes are: in the sandbox's Ironic, or in files that both services read "
        'for want of one, so that nothing but the services and the database is measured (ironic)',
    )
    parser.add_argument(
        '--offers', type=int, help='nodes that are offered (1000; with --against 100)'
    )
    parser.add_argument('--clients', type=int, default=8, help='at a time (8)')
    parser.add_argument('--lists', type=int, default=5, help='times each list is read (5)')
    parser.add_argument('--races', type=int, default=20, help='windows raced for (20)')
    parser.add_argument('--deletes', type=int, default=200, help='of each kind (200)')
    parser.add_argument('--only', choices=[Ours.key, Existing.key], help='measure one of the two')
    parser.add_argument('--output', type=Path, help='keep the numbers here, as JSON')
    parser.add_argument('--report', type=Path, help='measure nothing; make the tables of this file')
    other = parser.add_argument_group('another commit of this project instead of esi-leap 1.0.0')
    other.add_argument('--against', metavar='COMMIT', help='compare this tree with that commit')
    other.add_argument('--rounds', type=int, default=5, help='alternating rounds (5)')
    other.add_argument('--leases', type=int, default=50, help='hand-overs and returns a round (50)')
    other.add_argument(
        '--database',
        choices=sorted(databases.KINDS),
        default=databases.MariaDB.name,
        help='the server of both trees (mariadb)',
    )
    options = parser.parse_args()
    if options.offers is None:
        options.offers = _OFFERS_AGAINST if options.against else _OFFERS
    return options


def _measure(
    contestant: Contestant,
    cloud: Cloud,
    nodes: Sequence[str],
    options: argparse.Namespace,
) -> dict[str, Any]:
    state, server = cloud.state, cloud.server
    with running(contestant, cloud) as service:
        engine = sa.create_engine(server.url(contestant.key), poolclass=sa.NullPool)
        shared = {
            'mariadb': server.process.pid if server.process else 0,
            'keystone': state.processes['keystone'].pid,
            'ironic': state.processes['ironic'].pid,
            'clients': os.getpid(),
        }
        meter = meters.Meter(service.pids | shared, engine)
        load = Load(
            service.url,
            owner=seeds.session(state, users.find('owner-legacy')).token(),
            lessee=seeds.session(state, users.find('lessee-legacy')).token(),
            nodes=nodes,
            resource_type=f'{options.nodes}_node',
            clients=options.clients,
            lists=options.lists,
            races=options.races,
            deletes=options.deletes,
        )
        load.warm_up()
        found: dict[str, Any] = {'name': contestant.name, 'idle': _idle(meter), 'phases': {}}
        for name, phase in PHASES.items():
            before = meter.read()
            done = phase(load)
            measured = _summary(done, meter.read() - before)
            found['phases'][name] = asdict(measured)
            line = f'{contestant.key:8}  {name:18} {measured.rate:8.1f}/s  {measured.statuses}'
            print(line, flush=True)
            for each in measured.broken:
                print(f'{"":10}{each}')
        found['memory'] = {part: meters.memory(pid) for part, pid in service.pids.items()}
        meter.close()
        return found


def _idle(meter: meters.Meter) -> dict[str, float]:
    """Return what a second costs in which nobody asks for anything."""
    before, begun = meter.read(), time.perf_counter()
    time.sleep(_WATCHED)
    spent, seconds = meter.read() - before, time.perf_counter() - begun
    return {
        'statements': round(spent.statements / seconds, 1),
        **{name: round(cpu / seconds, 4) for name, cpu in spent.cpu.items()},
    }


def _summary(phase: Phase, spent: meters.Reading) -> Measured:
    times = [each.seconds for each in phase.answers]
    count = len(times)
    cuts = statistics.quantiles(times, n=100, method='inclusive')
    return Measured(
        operations=count,
        rate=round(count / phase.seconds, 2),
        median=round(statistics.median(times), 4),
        p99=round(cuts[98], 4),
        slowest=round(max(times), 4),
        statuses={str(key): n for key, n in sorted(Counter(map(_status, phase.answers)).items())},
        statements=round(spent.statements / count, 1),
        cpu={name: round(cpu / count, 5) for name, cpu in spent.cpu.items()},
        broken=phase.broken,
    )


def _status(answer: Answer) -> int:
    return answer.status


def _machine() -> dict[str, object]:
    model = next(
        (
            line.partition(':')[2].strip()
            for line in Path('/proc/cpuinfo').read_text().splitlines()
            if line.startswith('model name')
        ),
        'unknown',
    )
    return {'cpus': os.cpu_count(), 'model': model, 'load before': os.getloadavg()[0]}


if __name__ == '__main__':
    try:
        main()
    except SandboxError as error:
        raise SystemExit(str(error)) from error
