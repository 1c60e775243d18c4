"""Options of the API."""

from oslo_config import cfg

OPTS = [
    cfg.HostAddressOpt('host_ip', default='0.0.0.0', help='Address that the API listens on.'),  # noqa: S104 - as the existing service does
    cfg.PortOpt('port', default=7777, help='Port that the API listens on.'),
    cfg.BoolOpt(
        'enable_ssl_api',
        default=False,
        help='Serve TLS, with the certificate of [ssl]. A proxy before the API can do it as well.',
    ),
    cfg.IntOpt('api_workers', min=1, help='Worker processes; unset: one for each CPU.'),
    cfg.IntOpt('api_threads', min=1, default=8, help='Threads of each worker.'),
    cfg.StrOpt(
        'auth_strategy',
        default='keystone',
        choices=[
            ('keystone', 'Every request carries a Keystone token.'),
            ('noauth', 'The headers of a request are believed: development on loopback only.'),
        ],
        help='How callers are known.',
    ),
    cfg.IntOpt('max_limit', min=1, default=1000, help='Most objects on one page of a list.'),
    cfg.StrOpt(
        'default_resource_type',
        default='ironic_node',
        help='Resource type of a node when a request names none.',
    ),
    cfg.IntOpt('max_lease_time', min=1, default=21, help='Longest lease, in days.'),
    cfg.IntOpt('default_lease_time', min=1, default=7, help='Length of a lease that has no end.'),
    cfg.FloatOpt(
        'delete_wait',
        min=0,
        default=5,
        help='How long, in seconds, a DELETE waits until the lessee has lost the node.',
    ),
    cfg.StrOpt(
        'rate_limit',
        sample_default='50/second;1000/minute',
        help='How often one project may call, all of it together; unset: as often as it can. '
        'More is answered 429 with Retry-After.',
    ),
    cfg.StrOpt(
        'rate_limit_storage',
        default='memory://',
        secret=True,
        help='Where the calls are counted: in memory each worker counts for itself; '
        'memcached://host:11211 or redis://host:6379 counts for all (pymemcache or redis has to '
        'be installed). While it does not answer, nobody is limited.',
    ),
]
