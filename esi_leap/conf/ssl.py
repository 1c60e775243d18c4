"""TLS of the API itself; names are those of the existing service."""

from oslo_config import cfg

OPTS = [
    cfg.StrOpt('cert_file', help='Certificate with its chain, in PEM; for enable_ssl_api.'),
    cfg.StrOpt('key_file', help='Its private key, in PEM.'),
    cfg.StrOpt('ca_file', help='Authorities whose client certificates are asked for, in PEM.'),
]
