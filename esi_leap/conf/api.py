"""Options of the API."""

from oslo_config import cfg

OPTS = [
    cfg.HostAddressOpt('host_ip', default='0.0.0.0', help='Address that the API listens on.'),  # noqa: S104 - as the existing service does
    cfg.PortOpt('port', default=7777, help='Port that the API listens on.'),
    cfg.BoolOpt(
        'enable_ssl_api',
        default=False,
        help='Serve HTTPS with the certificate of [ssl]. A reverse proxy can do it instead.',
    ),
    cfg.IntOpt('api_workers', min=1, help='Number of worker processes; unset: one for each CPU.'),
    cfg.IntOpt('api_threads', min=1, default=8, help='Number of threads of each worker.'),
    cfg.StrOpt(
        'auth_strategy',
        default='keystone',
        choices=[
            ('keystone', 'Every request needs a Keystone token.'),
            ('noauth', 'The headers of a request name its caller: development on loopback only.'),
        ],
        help='How callers are authenticated.',
    ),
    cfg.IntOpt(
        'max_limit', min=1, default=1000, help='Maximum number of results in one page of a list.'
    ),
    cfg.StrOpt(
        'default_resource_type',
        default='ironic_node',
        help='Resource type of a node if a request does not name one.',
    ),
    cfg.IntOpt('max_lease_time', min=1, default=21, help='Maximum length of a lease, in days.'),
    cfg.IntOpt(
        'default_lease_time',
        min=1,
        default=7,
        help='Length of a lease, in days, if a request does not name its end.',
    ),
    cfg.FloatOpt(
        'delete_wait',
        min=0,
        default=5,
        help='Longest time that a DELETE waits until the lessee has lost the node, in seconds.',
    ),
    cfg.StrOpt(
        'rate_limit',
        sample_default='50/second;1000/minute',
        help='Limits of the requests of one project, all users together; unset: no limit. Requests '
        'above a limit are answered 429 with Retry-After.',
    ),
    cfg.StrOpt(
        'rate_limit_storage',
        default='memory://',
        secret=True,
        help='Where the requests are counted: with memory:// each worker counts its own; with '
        'memcached://host:11211 or redis://host:6379 all are counted together (this needs the '
        'package pymemcache or redis). While that server does not answer, there is no limit.',
    ),
]
