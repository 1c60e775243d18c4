"""Options of the proxy for serial consoles, and of the tokens that open them."""

from oslo_config import cfg

OPTS = [
    cfg.HostAddressOpt(
        'host_address',
        default='0.0.0.0',  # noqa: S104 - as the existing service does
        help='Address that the proxy listens on.',
    ),
    cfg.PortOpt('port', default=6083, help='Port that the proxy listens on.'),
    cfg.URIOpt(
        'public_url',
        schemes=['ws', 'wss'],
        help='URL at which users reach the proxy, for example wss://consoles.example.com. It may '
        'have a path, which a reverse proxy must remove. Unset: built from host_address and port. '
        'The API returns it with each token.',
    ),
    cfg.StrOpt(
        'cert_file',
        help='Certificate of the proxy with its chain, in PEM. With it the proxy speaks wss, '
        'without it ws. Use ws only on loopback or behind a reverse proxy with TLS: tokens are in '
        'the URL, and users may type passwords.',
    ),
    cfg.StrOpt(
        'key_file', help='Private key of the certificate, in PEM; unset: it is in cert_file.'
    ),
    cfg.ListOpt(
        'allowed_origins',
        help='Origins of web pages that may open consoles, for example '
        'https://dashboard.example.com. Unset: origins on the host of public_url. Programs other '
        'than browsers send no origin; for them the token is enough.',
    ),
    cfg.IntOpt(
        'token_ttl',
        min=1,
        default=600,
        help='Lifetime of a token, in seconds, if a request does not name one.',
    ),
    cfg.IntOpt(
        'token_ttl_max', min=1, default=3600, help='Maximum lifetime of a token, in seconds.'
    ),
    cfg.FloatOpt(
        'timeout',
        default=-1,
        help='Seconds without a byte in either direction after which a console is closed; -1: '
        'never. [console] terminal_timeout of Ironic also closes it, by default after ten minutes.',
    ),
    cfg.IntOpt('max_connections', min=1, default=200, help='Maximum number of open consoles.'),
    cfg.FloatOpt(
        'poll_interval',
        min=0.05,
        max=5,
        default=0.5,
        help='Time between two checks of the leases of all open consoles, in seconds; one query '
        'checks them all.',
    ),
]
