"""What offers, leases and contracts have in common."""

import urllib.parse
from typing import Any

from openstack import resource


class Resource(resource.Resource):  # type: ignore[misc]  # untyped SDK
    """Something the lease service keeps, known by uuid or name."""

    allow_fetch = True
    allow_list = True
    allow_delete = True

    #: The UUID.
    uuid = resource.Body('uuid', alternate_id=True)
    #: The name. It need not be unique.
    name = resource.Body('name')
    #: The state it is in.
    status = resource.Body('status')
    #: Why it is in this state, where there is something to say.
    status_reason = resource.Body('status_reason')

    @classmethod
    def _alternate_id(cls) -> str:
        """Name the attribute that is the id; the SDK does not look for it in a parent class."""
        return 'uuid'

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
