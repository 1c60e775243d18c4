"""Lists, races and parallel requests against `esi-leap-api` on MariaDB.

    python benchmarks/load.py

Starts a throw-away MariaDB and the API with a fleet of JSON files, on loopback, and stops them.
Prints how long a list of 1,000 offers takes as a ratio to one of 10, what 400 claims that race for
few windows are answered, and what 40 lists at the same time are answered by one worker.
"""

import collections
import concurrent.futures
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parent.parent))

from sandbox import databases, ports, rest

_CONFIG = """\
[api]
host_ip = 127.0.0.1
port = {port}
api_workers = {workers}
auth_strategy = noauth
default_resource_type = dummy_node
[database]
connection = {url}
[dummy_node]
dummy_node_dir = {nodes}
"""
_OWNER = {'X-Project-Id': 'owner', 'X-Roles': 'member,reader'}
_LESSEE = {'X-Project-Id': 'lessee', 'X-Roles': 'member,reader'}


@contextmanager
def service(folder: Path, server: databases.Server, workers: int) -> Iterator[str]:
    """Run the API; yield its URL."""
    (folder / 'nodes').mkdir(exist_ok=True)
    port, config = ports.pick(), folder / 'esi-leap.conf'
    url, nodes = server.url('leap').replace('%', '%%'), folder / 'nodes'
    config.write_text(_CONFIG.format(port=port, workers=workers, url=url, nodes=nodes))
    program = Path(sys.executable).parent
    arguments = [f'--config-file={config}']
    with (folder / 'log').open('ab') as log:
        subprocess.run([program / 'esi-leap-dbsync', *arguments, 'upgrade'], check=True, stderr=log)
        api = subprocess.Popen([program / 'esi-leap-api', *arguments], stdout=log, stderr=log)
        try:
            base = f'http://127.0.0.1:{port}'
            while rest.status(f'{base}/healthcheck') != 200:  # noqa: PLR2004
                time.sleep(0.1)
            yield base
        finally:
            api.terminate()
            api.wait()


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, databases.MariaDB() as server:
        folder = Path(name)
        server.create_database('leap')
        with service(folder, server, workers=2) as url:
            _lists(folder, url)
            _races(folder, url)
        with service(folder, server, workers=1) as url:
            _parallel(url)
            # An open transaction of a list would keep its metadata lock on the table.
            with sa.create_engine(server.url('leap')).begin() as connection:
                connection.execute(sa.text('SET SESSION lock_wait_timeout = 1'))
                connection.execute(sa.text("ALTER TABLE bookings COMMENT = 'no lock is held'"))
            print('no transaction is left open: the table could be altered at once')


def _offer(folder: Path, url: str, name: str, **more: str) -> str:
    (folder / 'nodes' / name).write_text(json.dumps({'project_owner_id': 'owner'}))
    body = {'resource_uuid': name, **more}
    code, answer, _ = rest.call('POST', f'{url}/v1/offers', body, headers=_OWNER)
    if code != 201:  # noqa: PLR2004
        raise RuntimeError(answer)
    return str(answer['uuid'])


def _lists(folder: Path, url: str) -> None:
    begun = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: _offer(folder, url, f'list-{number}'), range(1000)))
    print(f'1000 offers made by 8 clients: {1000 / (time.perf_counter() - begun):.0f} a second')
    times = {}
    for limit in (10, 1000):
        spent = [
            _timed(
                lambda limit=limit: rest.call(
                    'GET', f'{url}/v1/offers?limit={limit}', headers=_LESSEE
                )
            )
            for _ in range(10)
        ]
        times[limit] = statistics.median(spent)
    print(
        f'list of 10: {times[10] * 1000:.0f} ms, of 1000: {times[1000] * 1000:.0f} ms, '
        f'ratio {times[1000] / times[10]:.1f}'
    )


def _races(folder: Path, url: str) -> None:
    """400 claims by 16 threads for 20 windows on 3 offers."""
    offers = [_offer(folder, url, f'race-{number}') for number in range(3)]
    noon = datetime.now(UTC) + timedelta(days=1)
    windows = [
        (noon + timedelta(hours=each), noon + timedelta(hours=each + 1)) for each in range(7)
    ]
    wishes = list(itertools.islice(itertools.cycle(itertools.product(windows, offers)), 400))

    def claim(wish: tuple[tuple[datetime, datetime], str]) -> tuple[int, float]:
        (start, end), offer = wish
        body = {'start_time': start.isoformat(), 'end_time': end.isoformat()}
        begun = time.perf_counter()
        code, _, _ = rest.call('POST', f'{url}/v1/offers/{offer}/claim', body, headers=_LESSEE)
        return code, time.perf_counter() - begun

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(claim, wishes))
    codes = collections.Counter(code for code, _ in answers)
    spent = sorted(seconds for _, seconds in answers)
    print(
        f'{len(wishes)} racing claims for {len(windows) * len(offers)} windows: '
        f'{dict(codes)}, median {statistics.median(spent) * 1000:.0f} ms, '
        f'slowest {spent[-1] * 1000:.0f} ms'
    )


def _parallel(url: str) -> None:
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        answers = list(
            pool.map(lambda _: rest.call('GET', f'{url}/v1/offers', headers=_LESSEE)[0], range(40))
        )
    print(f'40 lists at the same time, one worker: {dict(collections.Counter(answers))}')


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


if __name__ == '__main__':
    main()
