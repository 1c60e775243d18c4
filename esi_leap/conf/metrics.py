"""Options of what Prometheus reads."""

from oslo_config import cfg

OPTS = [
    cfg.HostAddressOpt(
        'host',
        default='127.0.0.1',
        help='Address on which /metrics is answered. It needs no token: keep it from strangers.',
    ),
    cfg.PortOpt('api_port', help='Port of the metrics of esi-leap-api; unset: there are none.'),
    cfg.PortOpt(
        'manager_port', help='Port of the metrics of esi-leap-manager; unset: there are none.'
    ),
]
