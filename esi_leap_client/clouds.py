"""The clouds of `clouds.yaml`, asked side by side."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from openstack import connection, exceptions
from openstack.config import OpenStackConfig

from esi_leap_client import errors, service

_LOG = logging.getLogger(__name__)
_T = TypeVar('_T')

#: Seconds that a cloud may take to answer.
PATIENCE = 30


class _Config(OpenStackConfig):  # type: ignore[misc]  # untyped SDK
    """The SDK's own reading of `clouds.yaml` and the environment."""

    def names(self) -> list[str]:
        """Name the clouds of the file; that of the `OS_…` variables only if there is no other."""
        named: list[str] = self.get_cloud_names()
        return [name for name in named if name != self.envvar_key] or named

    def regions(self, cloud: str) -> list[str]:
        """Name the regions of a cloud; one without a name if it has none.

        Not `get_all`: with it, one cloud that is described badly would hide itself, or all.
        """
        try:
            return [region['name'] for region in self._get_regions(cloud)]
        except exceptions.ConfigException:  # it will be told when the cloud is asked
            return ['']


@dataclass(eq=False)
class Site:
    """One region of one cloud.

    Attributes:
        cloud: The cloud's name in `clouds.yaml`.
        region: The region's name; empty if the cloud has none.
        version: The version of the lease service's API to speak, for example `1`.
        timeout: Seconds that a request may go without an answer, where `clouds.yaml` has no
            `api_timeout` for the cloud.
    """

    cloud: str
    region: str
    version: str
    timeout: float
    _config: _Config

    def __str__(self) -> str:
        return f'cloud {self.cloud} ({self.region})' if self.region else f'cloud {self.cloud}'

    @property
    def options(self) -> str:
        """Name it to the program `openstack`."""
        region = f' --os-region-name {self.region}' if self.region else ''
        return f'--os-cloud {self.cloud}{region}'

    @cached_property
    def _connection(self) -> Any:  # noqa: ANN401 - the SDK is not typed for us
        described = self._config.get_one(self.cloud, region_name=self.region)
        if described.config.get('api_timeout') is None:
            described.config['api_timeout'] = self.timeout
        return service.add_to(connection.Connection(config=described))

    @cached_property
    def lease(self) -> Any:  # noqa: ANN401 - likewise
        """The lease service there.

        Raises:
            openstack.exceptions.SDKException: The cloud is described badly, or has none.
            keystoneauth1.exceptions.ClientException: One cannot sign in.
        """
        return service.speaking(self._connection.lease, self.version)

    def sentence(self, error: Exception) -> str:
        """Put an error of a request to this site into words."""
        found = vars(self).get('lease')  # not the property, which would sign in again
        return errors.sentence(error, found.endpoint_override if found else None)

    def close(self) -> None:
        """Give up its connections, if it has any."""
        if made := vars(self).get('_connection'):
            made.close()


@dataclass(frozen=True)
class Answer(Generic[_T]):
    """What one site said.

    Attributes:
        site: Which.
        value: The answer; None if there is none.
        trouble: Why there is none, a sentence; None if there is one.
    """

    site: Site
    value: _T | None = None
    trouble: str | None = None


@contextmanager
def opened(
    names: Sequence[str] | None, *, timeout: float = PATIENCE, version: str = '1'
) -> Iterator[list[Site]]:
    """Find the sites to ask. Nothing is sent yet.

    Args:
        names: Clouds of `clouds.yaml`, in the order that is preferred; all of them if empty,
            in the file's order.
        timeout: As a site has it.
        version: Likewise.

    Yields:
        The sites, connected when they are first used and closed in the end.

    Raises:
        openstack.exceptions.ConfigException: There is no such cloud, or no cloud at all.
    """
    config = _Config()
    known = config.names()
    if unknown := [name for name in names or () if name not in config.get_cloud_names()]:
        raise exceptions.ConfigException(
            f'There is no cloud {", ".join(unknown)} in clouds.yaml; there is {", ".join(known)}.'
        )
    if known == ['defaults']:  # what the SDK makes of neither a file nor variables
        raise exceptions.ConfigException('There is no cloud: no clouds.yaml was found.')
    sites = [
        Site(cloud, region, version, timeout, config)
        for cloud in dict.fromkeys(names or known)
        for region in config.regions(cloud)
    ]
    try:
        yield sites
    finally:
        for site in sites:
            site.close()


def ask(
    sites: Sequence[Site], question: Callable[[Any], _T], *, timeout: float = PATIENCE
) -> list[Answer[_T]]:
    """Put a question to all sites at once.

    Args:
        sites: Whom to ask.
        question: Called with the proxy of each site's lease service, in a thread of its own.
        timeout: Seconds to wait for all the answers.

    Returns:
        What each said, in the order of the sites.
    """
    said: dict[Site, Answer[_T]] = {}

    def listen(site: Site) -> None:
        try:
            said[site] = Answer(site, question(site.lease))
        except Exception as error:  # noqa: BLE001 - plugins for signing in raise just that
            _LOG.debug('%s', site, exc_info=True)
            said[site] = Answer(site, trouble=site.sentence(error))

    # No pool: it would wait at the program's end for a site that nobody waits for any more.
    threads = [threading.Thread(target=listen, args=(site,), daemon=True) for site in sites]
    for thread in threads:
        thread.start()
    end = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
    late = f'It has not answered within {timeout:g} seconds.'
    return [said.get(site) or Answer(site, trouble=late) for site in sites]
