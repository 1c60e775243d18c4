"""Options of the proxy for serial consoles, and of the tokens that open them."""

from oslo_config import cfg

OPTS = [
    cfg.HostAddressOpt('host_address', default='0.0.0.0', help='Address the proxy listens on.'),  # noqa: S104 - as the existing service does
    cfg.PortOpt('port', default=6083, help='Port that the proxy listens on.'),
    cfg.URIOpt(
        'public_url',
        schemes=['ws', 'wss'],
        help='Where users reach the proxy, for example wss://consoles.example.com; with a path if '
        'something before the proxy takes it away. Unset: built from address and port. The API '
        'puts it before each token.',
    ),
    cfg.StrOpt(
        'cert_file',
        help='Certificate of the proxy, with those between it and the root, in PEM. With it the '
        'proxy speaks wss, without it ws, which is for loopback or behind a server that speaks '
        'TLS: a token is in the URL, and what is typed may be a password.',
    ),
    cfg.StrOpt('key_file', help='Key of the certificate, in PEM; unset: it is in cert_file.'),
    cfg.ListOpt(
        'allowed_origins',
        help='Origins of web pages that may open consoles, for example '
        'https://dashboard.example.com. Unset: those on the host of public_url. Programs that are '
        'no browsers send no origin, and are let in by their token alone.',
    ),
    cfg.IntOpt(
        'token_ttl',
        min=1,
        default=600,
        help='Seconds in which a token has to be used if it was asked for without token_ttl.',
    ),
    cfg.IntOpt(
        'token_ttl_max', min=1, default=3600, help='Most seconds that a token can be asked for.'
    ),
    cfg.FloatOpt(
        'timeout',
        default=-1,
        help='Close a console after so many seconds without a byte in either direction; -1: never. '
        '[console] terminal_timeout of Ironic does so, too, by default after ten minutes.',
    ),
    cfg.IntOpt('max_connections', min=1, default=200, help='Most consoles open at a time.'),
    cfg.FloatOpt(
        'poll_interval',
        min=0.05,
        max=5,
        default=0.5,
        help='Seconds between two looks at whether the leases of the open consoles still run: one '
        'query for all of them.',
    ),
]
