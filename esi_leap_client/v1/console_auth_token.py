"""A console auth token: the right to open a node's serial console for a while."""

from openstack.resource import Body

from esi_leap_client.v1 import _base


class ConsoleAuthToken(_base.Answer):
    """What lets its bearer open the serial console of a node.

    The service keeps no copy of the token: it can be read here and nowhere else.
    """

    base_path = '/console_auth_tokens'
    allow_create = True
    allow_delete = True
    proof = 'token'

    #: Whose console it opens: uuid or name.
    node_uuid_or_name = Body('node_uuid_or_name')
    #: How long it is good for, in seconds.
    token_ttl = Body('token_ttl', type=int)
    #: Whether what is typed is dropped.
    read_only = Body('read_only', type=bool)
    #: When it can be used no more, `YYYY-MM-DDTHH:MM:SS[.ffffff]` UTC.
    expires_at = Body('expires_at')
    #: The node, as the service knows it.
    node_uuid = Body('node_uuid', alternate_id=True)
    #: The secret.
    token = Body('token')
    #: Where a WebSocket client connects to; it holds the secret.
    access_url = Body('access_url')
