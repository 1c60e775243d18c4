"""The numbering of events, in transactions of its own."""

from __future__ import annotations

from esi_leap.db import chores, events
from esi_leap.db.session import Session


def number_events(session: Session) -> None:
    """Give each event without a public id its id; write nothing if all events have one."""
    with session.reader() as connection:
        if not events.unnumbered(connection):
            return
    chores.add(session, events.CHORE)
    with session.writer() as connection:
        events.number(connection)
