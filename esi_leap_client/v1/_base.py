"""Base classes of the resources of the lease service."""

import urllib.parse
from datetime import datetime, timedelta
from typing import Any

from openstack import resource


class Answer(resource.Resource):  # type: ignore[misc]  # untyped SDK
    """An object in an answer of the lease service."""

    #: An attribute that is never null in an answer of a lease service.
    proof = ''


class Listed(Answer):
    """An object that the lease service lists, page after page."""

    allow_list = True

    @classmethod
    def _get_next_link(
        cls, uri: str, _response: object, data: dict[str, Any], *_rest: object
    ) -> tuple[str | None, dict[str, Any]]:
        """Return the address and query of the next page; None if there is none.

        Only the query of the service's link is used: its host is that of a proxy, which may be
        unreachable from here.
        """
        for link in data.get(f'{cls.resources_key}_links') or ():
            if link.get('rel') == 'next':
                query = urllib.parse.urlsplit(link['href']).query
                return uri, urllib.parse.parse_qs(query)
        return None, {}


class Resource(Listed):
    """An object with a uuid and a name."""

    allow_fetch = True

    #: The UUID.
    uuid = resource.Body('uuid', alternate_id=True)
    #: The name. It need not be unique.
    name = resource.Body('name')

    @classmethod
    def _alternate_id(cls) -> str:
        """Return the attribute that is the id; the SDK does not look for it in a base class."""
        return 'uuid'


class Booked(Resource):
    """An object with a window and a status: an offer, a lease or a contract."""

    allow_delete = True
    proof = 'status'

    #: The status.
    status = resource.Body('status')
    #: Why it has this status; None if there is no reason.
    status_reason = resource.Body('status_reason')
    #: Start, `YYYY-MM-DDTHH:MM:SS[.ffffff]` UTC.
    start_time = resource.Body('start_time')
    #: End, exclusive, in the same form.
    end_time = resource.Body('end_time')

    @property
    def duration(self) -> timedelta:
        """The duration of the window."""
        start, end = (datetime.fromisoformat(each) for each in (self.start_time, self.end_time))
        return end - start
