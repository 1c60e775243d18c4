"""`esi-leap-email-notification`: e-mail to projects about leases that begin, or end soon.

Cron runs it. openstacksdk finds the cloud, by `OS_CLOUD` or the other variables of an openrc file;
other variables of the environment are its settings, see the operator's guide.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import openstack
from keystoneauth1 import adapter
from keystoneauth1 import exceptions as ksa
from openstack import exceptions as sdk
from typing_extensions import override

from esi_leap import clock
from esi_leap.tell.mail import mailer, message
from esi_leap.tell.mail.settings import Settings, SettingsError

_SERVICE = 'lease'


class _Cloud(mailer.Cloud):
    """The lease service and Keystone of a cloud."""

    def __init__(self, cloud: openstack.connection.Connection) -> None:
        self._cloud = cloud
        config = cloud.config
        self._leases = adapter.Adapter(
            cloud.session,
            service_type=_SERVICE,
            interface=config.get_interface(_SERVICE),
            region_name=config.get_region_name(_SERVICE),
            endpoint_override=config.get_endpoint(_SERVICE),
        )
        self._emails: dict[str, str | None] = {}

    @override
    def read(self, path: str) -> Mapping[str, Any] | None:
        answer = self._leases.get(path, raise_exc=False)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        sdk.raise_from_response(answer)
        found: Mapping[str, Any] = answer.json()
        return found

    @override
    def find_email(self, project_id: str) -> str | None:
        if project_id not in self._emails:
            found = self._cloud.identity.get(f'/projects/{quote(project_id, safe="")}')
            known = found.json()['project'] if found.ok else {}
            self._emails[project_id] = known.get('email')
        return self._emails[project_id]


def run() -> int:
    """Send all messages that are due; return the exit code."""
    try:
        settings = Settings.of(os.environ)
        cloud = _Cloud(openstack.connect())
        mailer.Mailer(settings, cloud, partial(message.send, settings), clock.now()).run()
    except (SettingsError, OSError) as error:
        sys.stderr.write(f'esi-leap-email-notification: {error}\n')
        return 1
    except (ksa.ClientException, sdk.SDKException) as error:
        sys.stderr.write(f'esi-leap-email-notification: the cloud does not answer: {error}\n')
        return 1
    return 0


def main() -> int:
    """Run the program; it prints the log of its process."""
    logging.basicConfig(level=logging.INFO, format='%(message)s', stream=sys.stdout)
    logging.getLogger('keystoneauth').setLevel(logging.WARNING)
    return run()


if __name__ == '__main__':
    sys.exit(main())
