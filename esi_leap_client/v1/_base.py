"""What the resources of the lease service have in common."""

import urllib.parse
from datetime import datetime, timedelta
from typing import Any

from openstack import resource


class Answer(resource.Resource):  # type: ignore[misc]  # untyped SDK
    """What the lease service answers."""

    #: An attribute that is never null in one.
    proof = ''


class Listed(Answer):
    """Something of which the lease service gives lists, page after page."""

    allow_list = True

    @classmethod
    def _get_next_link(
        cls, uri: str, _response: object, data: dict[str, Any], *_rest: object
    ) -> tuple[str | None, dict[str, Any]]:
        """Follow the service's own link, and only its query.

        The host in a link is the one a proxy told the service, which need not be ours; and
        without a link there is no further page, so none is asked for.
        """
        for link in data.get(f'{cls.resources_key}_links') or ():
            if link.get('rel') == 'next':
                query = urllib.parse.urlsplit(link['href']).query
                return uri, urllib.parse.parse_qs(query)
        return None, {}


class Resource(Listed):
    """Something the lease service knows by uuid or name."""

    allow_fetch = True

    #: The UUID.
    uuid = resource.Body('uuid', alternate_id=True)
    #: The name. It need not be unique.
    name = resource.Body('name')

    @classmethod
    def _alternate_id(cls) -> str:
        """Name the attribute that is the id; the SDK does not look for it in a parent class."""
        return 'uuid'


class Kept(Resource):
    """Something that the lease service keeps until it is deleted, and that has a window."""

    allow_delete = True
    proof = 'status'

    #: The state it is in.
    status = resource.Body('status')
    #: Why it is in this state, where there is something to say.
    status_reason = resource.Body('status_reason')
    #: First instant, `YYYY-MM-DDTHH:MM:SS[.ffffff]` UTC.
    start_time = resource.Body('start_time')
    #: The instant after the last one, likewise.
    end_time = resource.Body('end_time')

    @property
    def duration(self) -> timedelta:
        """How long the window is."""
        start, end = (datetime.fromisoformat(each) for each in (self.start_time, self.end_time))
        return end - start
