"""One run of the program: reads new events and the leases that end soon, and sends messages.

It remembers its progress. A message that could not be sent is sent by the next run. A message is
sent twice only if a run is killed between sending and remembering.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Protocol
from urllib.parse import quote

from esi_leap.core import instant
from esi_leap.tell.mail.message import compose, is_refused_for_good
from esi_leap.tell.mail.progress import Progress
from esi_leap.tell.mail.settings import Settings, parse_address

_LOG = logging.getLogger(__name__)

_BEGUN = 'esi_leap.lease.fulfill.end'
_RECALLED = 'esi_leap.lease.recall.start'
#: Events or leases in one page of a list.
_PAGE = 500


class Cloud(Protocol):
    """The lease service and Keystone, as the mailer uses them."""

    def read(self, path: str) -> Mapping[str, Any] | None:
        """Return the JSON under a path of the lease service; None if it answers 404."""

    def find_email(self, project_id: str) -> str | None:
        """Return the attribute `email` of a project, None if it has none."""


class Mailer:
    """One run of the program.

    Args:
        settings: its settings.
        cloud: the lease service and Keystone.
        send: sends a message to the mail server; raises `OSError` if the server does not take it.
        now: the present instant.
    """

    def __init__(
        self,
        settings: Settings,
        cloud: Cloud,
        send: Callable[[EmailMessage], None],
        now: datetime,
    ) -> None:
        self._settings = settings
        self._cloud = cloud
        self._send = send
        self._now = now
        self._progress = Progress.read(settings.state)

    def run(self) -> None:
        """Send all messages that are due.

        Raises:
            OSError: the mail server did not take one; those before it are remembered.
        """
        try:
            self._write_about_events()
            self._warn_of_ends()
        finally:
            self._progress.write(self._settings.state)

    def _write_about_events(self) -> None:
        templates = {_BEGUN: self._settings.begun, _RECALLED: self._settings.recalled}
        is_first = self._progress.last is None
        if is_first:
            _LOG.info('this is the first run: events until now are skipped')
        for event in self._events(self._progress.last or 0):
            kind = event['event_type']
            if kind in templates and not is_first:
                lease = self._cloud.read(f'/v1/leases/{quote(event["object_uuid"], safe="")}')
                is_over = kind == _RECALLED and lease is not None and lease['recall'] is None
                if lease is not None and not is_over:
                    self._write_about(lease, templates[kind])
            self._progress = replace(self._progress, last=event['id'])
        if self._progress.last is None:
            self._progress = replace(self._progress, last=0)

    def _warn_of_ends(self) -> None:
        soon = {lease['uuid']: lease for lease in self._active_leases() if self._ends_soon(lease)}
        kept = {uuid: end for uuid, end in self._progress.warned.items() if uuid in soon}
        self._progress = replace(self._progress, warned=kept)
        for uuid, lease in soon.items():
            if self._progress.warned.get(uuid) != lease['end_time']:
                self._write_about(lease, self._settings.ending)
                warned = {**self._progress.warned, uuid: lease['end_time']}
                self._progress = replace(self._progress, warned=warned)

    def _ends_soon(self, lease: Mapping[str, Any]) -> bool:
        return instant.parse(lease['end_time'], 'end_time') - self._now <= self._settings.warning

    def _events(self, last: int) -> Iterator[Mapping[str, Any]]:
        while True:
            page = self._cloud.read(f'/v1/events?last_event_id={last}&limit={_PAGE}')
            found = page['events'] if page else []
            yield from found
            if not found:
                return
            last = found[-1]['id']

    def _active_leases(self) -> Iterator[Mapping[str, Any]]:
        path = f'/v1/leases?view=all&status=active&limit={_PAGE}'
        marker = ''
        while True:
            page = self._cloud.read(path + marker)
            found = page['leases'] if page else []
            yield from found
            if page is None or 'leases_links' not in page:
                return
            marker = f'&marker={found[-1]["uuid"]}'

    def _write_about(self, lease: Mapping[str, Any], template: str) -> None:
        """Send a message about a lease to its project, if the project has an address.

        Raises:
            OSError: the mail server did not take it, and may take it later.
        """
        address = parse_address(self._cloud.find_email(lease['project_id']) or '')
        if address is None:
            _LOG.info('lease %s: project %s has no e-mail', lease['uuid'], lease['project_id'])
            return
        if not self._settings.enabled:
            _LOG.info('lease %s: ENABLE_EMAIL is not true', lease['uuid'])
            return
        try:
            self._send(compose(self._settings.sender, address, template, lease))
        except OSError as error:
            if not is_refused_for_good(error):
                raise
            # The server would refuse it again tomorrow, and all later messages would wait for it.
            _LOG.error('lease %s: the mail server refuses %s: %s', lease['uuid'], address, error)
            return
        _LOG.info('lease %s: sent to %s', lease['uuid'], address)
