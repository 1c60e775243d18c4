"""How long after its start does a lessee have the node in Ironic?

    python -m sandbox up --nodes 10
    python -m benchmarks.start_lag [--leases 30]

Leases start at known instants, two seconds apart; the node's `lessee` field is read from Ironic
every few milliseconds until it is the tenant's project. The lag includes the last reading.
"""

import argparse
import statistics
import time
from datetime import UTC, datetime, timedelta

from sandbox import seeds, users
from sandbox.layout import Layout
from sandbox.state import State

_APART = 2.0


def main() -> None:
    """Measure, and print one line for each lease and the percentiles."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument('--leases', type=int, default=30)
    wanted = options.parse_args().leases
    state = State.load(Layout())
    owner, admin = (
        seeds.session(state, users.find(name)) for name in ('owner-member', 'system-admin')
    )
    lessee = seeds.Identity(state).ids('projects')['lessee']
    nodes = [f'node-{number}' for number in range(1, state.nodes + 1)]
    first = datetime.now(UTC) + timedelta(seconds=5 + wanted * 0.2)
    starts = [first + timedelta(seconds=_APART * number) for number in range(wanted)]
    # A node's next lease leaves it the time to be cleaned.
    length = timedelta(seconds=max(1.0, _APART * len(nodes) - 15))
    for number, start in enumerate(starts):
        body = {
            'resource_uuid': nodes[number % len(nodes)],
            'project_id': lessee,
            'start_time': start.isoformat(),
            'end_time': (start + length).isoformat(),
        }
        owner.must('POST', f'{state.url("api")}/v1/leases', body)
    lags = []
    for number, start in enumerate(starts):
        url = f'{state.url("ironic")}/v1/nodes/{nodes[number % len(nodes)]}?fields=lessee'
        time.sleep(max(0.0, (start - datetime.now(UTC)).total_seconds()))
        while admin.must('GET', url, version=seeds.IRONIC_VERSION)['lessee'] != lessee:
            time.sleep(0.005)
        lags.append((datetime.now(UTC) - start).total_seconds())
        print(f'{start:%H:%M:%S}  {lags[-1]:.3f} s')
    cuts = statistics.quantiles(lags, n=100, method='inclusive')
    print(f'{len(lags)} leases: p50 {cuts[49]:.3f} s, p99 {cuts[98]:.3f} s, max {max(lags):.3f} s')


if __name__ == '__main__':
    main()
