"""A console auth token: the right to open a node's serial console for a while."""

from openstack.resource import Body

from esi_leap_client.v1 import _base


class ConsoleAuthToken(_base.Answer):
    """A secret that opens the serial console of a node.

    The service keeps no copy of the token: only the answer to its creation contains it.
    """

    base_path = '/console_auth_tokens'
    allow_create = True
    allow_delete = True
    proof = 'token'

    #: The node, when creating: uuid or name.
    node_uuid_or_name = Body('node_uuid_or_name')
    #: When creating: seconds in which it has to be used.
    token_ttl = Body('token_ttl', type=int)
    #: Whether the console drops what is typed.
    read_only = Body('read_only', type=bool)
    #: Expiry, `YYYY-MM-DDTHH:MM:SS[.ffffff]` UTC.
    expires_at = Body('expires_at')
    #: The node: uuid.
    node_uuid = Body('node_uuid', alternate_id=True)
    #: The secret.
    token = Body('token')
    #: The address for a WebSocket client; it contains the secret.
    access_url = Body('access_url')
