"""Free TCP ports on loopback.

They lie below the range from which Linux takes the ports of outgoing connections (32768 and up), so
that nobody's connection sits on the port of a server that is stopped for a while.
"""

import secrets
import socket

_FIRST, _COUNT, _TRIES = 20000, 10000, 200


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('127.0.0.1', port))
        except OSError:
            return False
    return True


def pick(taken: frozenset[int] = frozenset()) -> int:
    """Return a port that is free now and not among those promised to others."""
    for _ in range(_TRIES):
        port = _FIRST + secrets.randbelow(_COUNT)
        if port not in taken and is_free(port):
            return port
    raise OSError(f'no free port between {_FIRST} and {_FIRST + _COUNT} on 127.0.0.1')
