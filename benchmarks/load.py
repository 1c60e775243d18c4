"""The load: calls that every lease service of this contract answers, by several clients at a time.

It knows a URL, two tokens and nodes, and nothing of what is behind the URL.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

#: Seconds after which a client gives up; it then counts as status 0.
_PATIENCE = 120
_CREATED, _OK, _CONFLICT = 201, 200, 409
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one operation was answered.

    Attributes:
        status: HTTP status; 0 if there was no answer.
        seconds: from the first byte sent to the last one read.
    """

    status: int
    seconds: float
    body: Any


@dataclass(slots=True)
class Phase:
    """One phase of the load: its answers in any order, and how long all of it took."""

    answers: list[Answer]
    seconds: float
    #: What must hold of the answers and does not.
    broken: list[str] = field(default_factory=list)


class Client:
    """One client with one connection that is kept open."""

    def __init__(self, url: str, token: str) -> None:
        where = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            where.hostname or '', where.port, timeout=_PATIENCE
        )
        self._headers = {'X-Auth-Token': token, 'Content-Type': 'application/json'}

    def send(self, method: str, path: str, body: object = None) -> Answer:
        """Send one request and read the whole answer."""
        data = None if body is None else json.dumps(body)
        begun = time.perf_counter()
        try:
            self._connection.request(method, path, data, self._headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return Answer(0, time.perf_counter() - begun, repr(error))
        spent = time.perf_counter() - begun
        try:
            return Answer(answer.status, spent, json.loads(text or b'null'))
        except ValueError:
            return Answer(answer.status, spent, text.decode(errors='replace'))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Load:
    """The phases, in the order in which `PHASES` names them.

    Args:
        url: of the service, without a version.
        owner: token of the project that owns the nodes.
        lessee: token of the project that claims them.
        nodes: uuids of as many nodes as offers shall be made, and one more for the races.
        resource_type: of these nodes.
        clients: at a time.
        lists: how often each list is read.
        races: how many windows the clients race for.
        deletes: how many leases, and how many offers, are deleted.
    """

    def __init__(
        self,
        url: str,
        *,
        owner: str,
        lessee: str,
        nodes: Sequence[str],
        resource_type: str = 'ironic_node',
        clients: int = 8,
        lists: int = 5,
        races: int = 20,
        deletes: int = 200,
    ) -> None:
        self._url = url
        self._owner, self._lessee = owner, lessee
        *self._nodes, self._arena = nodes
        self._type = resource_type
        self._clients, self._lists, self._races, self._deletes = clients, lists, races, deletes
        # No window begins during the run, so neither service hands a node over meanwhile.
        self._start = datetime.now(UTC).replace(microsecond=0) + _DAY
        self._offers: list[str] = []
        self._leases: list[str] = []

    def warm_up(self) -> None:
        """Let every worker have what it fetches once: tokens, catalogs, connections."""
        self._spread(self._lessee, ['/v1/offers', '/v1/leases'] * 16, lambda c, p: c.send('GET', p))

    def create_offers(self) -> Phase:
        """Offer every node."""
        made = self._spread(self._owner, self._nodes, self._offer)
        self._offers = [each.body['uuid'] for each in made.answers if each.status == _CREATED]
        return made

    def list_offers(self) -> Phase:
        """List all offers."""
        return self._listed('offers', len(self._offers))

    def claim_offers(self) -> Phase:
        """Claim a week of every offer."""
        body = self._window(0, 7)
        claims = self._spread(
            self._lessee,
            self._offers,
            lambda client, offer: client.send('POST', f'/v1/offers/{offer}/claim', body),
        )
        self._leases = [each.body['uuid'] for each in claims.answers if each.status == _CREATED]
        return claims

    def race(self) -> Phase:
        """Let all clients claim the same window of one offer at the same time, and again."""
        owner = Client(self._url, self._owner)
        arena = self._offer(owner, self._arena).body['uuid']
        owner.close()
        whole = Phase([], 0)
        for each in range(self._races):
            line = threading.Barrier(self._clients)
            body = self._window(each, each + 1)

            def claim(
                client: Client,
                _: object,
                line: threading.Barrier = line,
                body: object = body,
            ) -> Answer:
                line.wait()
                return client.send('POST', f'/v1/offers/{arena}/claim', body)

            heat = self._spread(self._lessee, list(range(self._clients)), claim)
            whole.answers += heat.answers
            whole.seconds += heat.seconds
            winners = [one.body['uuid'] for one in heat.answers if one.status == _CREATED]
            self._leases += winners
            if len(winners) != 1:
                whole.broken.append(f'race {each}: {len(winners)} winners')
        losers = [each for each in whole.answers if each.status != _CREATED]
        wrong = sum(each.status != _CONFLICT for each in losers)
        if wrong:
            whole.broken.append(f'{wrong} of {len(losers)} losers were not answered 409')
        return whole

    def list_leases(self) -> Phase:
        """List all leases."""
        return self._listed('leases', len(self._leases))

    def delete_leases(self) -> Phase:
        """Cancel leases."""
        return self._deleted(self._lessee, 'leases', self._leases)

    def delete_offers(self) -> Phase:
        """Withdraw offers; what is claimed of them is cancelled, too."""
        return self._deleted(self._owner, 'offers', self._offers[::-1])

    def _offer(self, client: Client, node: str) -> Answer:
        body = {'resource_uuid': node, 'resource_type': self._type, **self._window(0, 90)}
        return client.send('POST', '/v1/offers', body)

    def _window(self, first: int, last: int) -> dict[str, str]:
        days = {'start_time': first, 'end_time': last}
        moments = {name: self._start + day * _DAY for name, day in days.items()}
        return {name: f'{moment:%Y-%m-%dT%H:%M:%S}' for name, moment in moments.items()}

    def _listed(self, kind: str, expected: int) -> Phase:
        client = Client(self._url, self._lessee)
        listed = Phase([], 0)
        for _ in range(self._lists):
            answer, found = _whole_list(client, kind)
            listed.answers.append(answer)
            listed.seconds += answer.seconds
            if found != expected:
                listed.broken.append(f'{found} {kind} listed, {expected} are there')
        client.close()
        return listed

    def _deleted(self, token: str, kind: str, uuids: Sequence[str]) -> Phase:
        return self._spread(
            token,
            uuids[: self._deletes],
            lambda client, uuid: client.send('DELETE', f'/v1/{kind}/{uuid}'),
        )

    def _spread(
        self, token: str, items: Sequence[Any], do: Callable[[Client, Any], Answer]
    ) -> Phase:
        """Deal the items out to the clients, each of which does one after the other."""
        answers: list[Answer] = []
        rest = iter(items)
        lock = threading.Lock()

        def work() -> None:
            client = Client(self._url, token)
            while True:
                with lock:
                    item = next(rest, None)
                if item is None:
                    client.close()
                    return
                answers.append(do(client, item))  # a list's append needs no lock

        begun = time.perf_counter()
        with ThreadPoolExecutor(self._clients) as pool:
            for each in [pool.submit(work) for _ in range(self._clients)]:
                each.result()
        return Phase(answers, time.perf_counter() - begun)


#: What is measured, in this order.
PHASES: dict[str, Callable[[Load], Phase]] = {
    'create offers': Load.create_offers,
    'list all offers': Load.list_offers,
    'claim offers': Load.claim_offers,
    'race for a window': Load.race,
    'list all leases': Load.list_leases,
    'delete leases': Load.delete_leases,
    'delete offers': Load.delete_offers,
}


def _whole_list(client: Client, kind: str) -> tuple[Answer, int]:
    """Read a list to its end, however many pages it has: one answer, and how many were in it."""
    path, found, spent = f'/v1/{kind}', 0, 0.0
    while True:
        answer = client.send('GET', path)
        spent += answer.seconds
        if answer.status != _OK:
            return Answer(answer.status, spent, answer.body), found
        found += len(answer.body[kind])
        links = [each['href'] for each in answer.body.get(f'{kind}_links', ())]
        if not links:
            return Answer(answer.status, spent, None), found
        where = urlsplit(links[0])
        path = f'{where.path}?{where.query}'
