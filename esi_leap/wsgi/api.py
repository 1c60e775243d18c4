"""The API as `esi_leap.wsgi.api:application`, for any WSGI server.

The environment variable `ESI_LEAP_CONFIG_FILE` names the configuration file; without it oslo.config
finds the files of `esi-leap`. The command line is the server's.
"""

import logging
import os

from oslo_log import log

from esi_leap import conf
from esi_leap.conf import existing
from esi_leap.wiring.api import make_application

_file = os.environ.get('ESI_LEAP_CONFIG_FILE')
_conf = conf.load(['--config-file', _file] if _file else [], 'esi-leap-api')
log.setup(_conf, 'esi-leap')
for _warning in existing.warnings(_conf):
    logging.getLogger(__name__).warning(_warning)
application = make_application(_conf)
