"""The service in one process, for tests: API and manager without Keystone, a fleet of JSON files.

    with Service(folder) as service:
        service.node('node-1', owner='lender')
        requests.get(f'{service.url}/v1/offers')

The headers of `auth_strategy = noauth` name the caller, as in `X-Project-Id`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, Self
from wsgiref import simple_server

from esi_leap import clock
from esi_leap import conf as configuration
from esi_leap.conf import cors
from esi_leap.db import schema
from esi_leap.wiring import parts
from esi_leap.wiring.api import make_application
from esi_leap.wiring.manager import make_loop, make_relay


class Service:
    """A running service.

    Args:
        folder: an empty directory for its files.
        database: SQLAlchemy URL of an empty database; without one, SQLite in the folder.
        manager: whether a manager runs beside the API.
        options: options to set, group to name to value.
        around: wraps the WSGI application, to see its requests and answers.
    """

    def __init__(
        self,
        folder: Path,
        database: str | None = None,
        *,
        manager: bool = True,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        around: Callable[[Any], Any] | None = None,
    ) -> None:
        self.nodes = folder / 'nodes'
        self.nodes.mkdir()
        self.conf = configuration.registered()
        cors.register(self.conf)  # so that `options` can set its options
        self.conf([], project='esi-leap', default_config_files=[], default_config_dirs=[])
        settings: dict[str, dict[str, Any]] = {
            'api': {
                'auth_strategy': 'noauth',
                'host_ip': '127.0.0.1',
                'default_resource_type': 'dummy_node',
            },
            'database': {'connection': database or f'sqlite:///{folder}/esi-leap.sqlite'},
            'dummy_node': {'dummy_node_dir': str(self.nodes)},
            'manager': {'poll_interval': 0.05},
        }
        for group, values in (options or {}).items():
            settings.setdefault(group, {}).update(values)
        for group, values in settings.items():
            for name, value in values.items():
                self.conf.set_override(name, value, group)
        self._database = parts.open_database(self.conf)
        schema.upgrade(self._database)
        application = make_application(self.conf, self._database)
        self._server = simple_server.make_server(
            '127.0.0.1', 0, around(application) if around else application, _Server, _Quiet
        )
        self.url = f'http://127.0.0.1:{self._server.server_port}'
        self._loop = make_loop(self.conf, self._database) if manager else None
        self._relay = make_relay(self.conf, self._database) if manager else None
        self._threads = [threading.Thread(target=self._server.serve_forever, args=(0.05,))]
        if self._loop is not None:
            self._threads.append(threading.Thread(target=self._loop.run))

    def node(self, uuid: str, owner: str, **content: object) -> None:
        """Add a node to the fleet."""
        described = {'project_owner_id': owner, 'provision_state': 'available', **content}
        (self.nodes / uuid).write_text(json.dumps(described), encoding='utf-8')

    def refresh(self) -> None:
        """Read all nodes of the fleet into the inventory, instead of within a minute."""
        begun = clock.now()
        inventory = parts.make_inventory(self.conf, self._database, parts.make_fleet(self.conf))
        while (as_of := inventory.as_of()) is None or as_of < begun:
            inventory.refresh(timedelta())  # does nothing while the manager refreshes: again

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        if self._relay is not None:
            self._relay.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None:
            self._loop.stop()
        if self._relay is not None:
            self._relay.stop()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.server_close()
        self._database.close()


class _Server(ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class _Quiet(simple_server.WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep standard error clean."""
