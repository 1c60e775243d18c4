"""The clouds of `clouds.yaml`, asked at the same time."""

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

from esi_leap_client import errors, retry, service

_LOG = logging.getLogger(__name__)
_T = TypeVar('_T')


class _Config(OpenStackConfig):  # type: ignore[misc]  # untyped SDK
    """The SDK's own reading of `clouds.yaml` and the environment."""

    def names(self) -> list[str]:
        """Return the names of the file's clouds; without a file, that of the `OS_…` variables."""
        named: list[str] = self.get_cloud_names()
        return [name for name in named if name != self.envvar_key] or named

    def regions(self, cloud: str) -> list[str]:
        """Return the names of the regions of a cloud; one empty name if it has no regions.

        Not `get_all`: there, one bad description of a cloud hides that cloud, or all clouds.
        """
        try:
            return [region['name'] for region in self._get_regions(cloud)]
        except exceptions.ConfigException:  # the error appears when the cloud is asked
            return ['']


@dataclass(eq=False)
class Site:
    """One region of one cloud.

    Attributes:
        cloud: The cloud's name in `clouds.yaml`.
        region: The region's name; empty if the cloud has none.
        version: The API version of the lease service, for example `1`.
        timeout: Seconds that a request waits for an answer, unless `clouds.yaml` has an
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
        """The options by which the program `openstack` uses this site."""
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
        """The proxy of the site's lease service.

        Raises:
            openstack.exceptions.SDKException: The description of the cloud is wrong, or the cloud
                has no lease service.
            keystoneauth1.exceptions.ClientException: The authentication failed.
        """
        return service.speaking(self._connection.lease, self.version)

    def sentence(self, error: Exception) -> str:
        """Return one sentence for an error of a request to this site."""
        found = vars(self).get('lease')  # not the property, which would sign in again
        return errors.sentence(error, found.endpoint_override if found else None)

    def close(self) -> None:
        """Close the connections, if there are any."""
        if made := vars(self).get('_connection'):
            made.close()


@dataclass(frozen=True)
class Answer(Generic[_T]):
    """The answer of one site.

    Attributes:
        site: The site.
        value: The answer; None if there is none.
        trouble: A sentence why there is no answer; None if there is one.
    """

    site: Site
    value: _T | None = None
    trouble: str | None = None


@contextmanager
def opened(
    names: Sequence[str] | None, *, timeout: float = retry.ANSWER, version: str = '1'
) -> Iterator[list[Site]]:
    """Open the sites of some clouds. No request is sent yet.

    Args:
        names: Clouds of `clouds.yaml` in the order of preference; all of them, in the file's
            order, if empty.
        timeout: See `Site`.
        version: See `Site`.

    Yields:
        The sites; they connect when they are first used, and are closed in the end.

    Raises:
        openstack.exceptions.ConfigException: There is no such cloud, or no cloud at all.
    """
    config = _Config()
    known = config.names()
    if unknown := [name for name in names or () if name not in config.get_cloud_names()]:
        raise exceptions.ConfigException(
            f'Unknown cloud: {", ".join(unknown)}. Known in clouds.yaml: {", ".join(known)}.'
        )
    if known == ['defaults']:  # so the SDK says that there is neither a file nor variables
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
    sites: Sequence[Site], question: Callable[[Any], _T], *, timeout: float = retry.ANSWER
) -> list[Answer[_T]]:
    """Ask all sites at the same time.

    Args:
        sites: The sites.
        question: Called with the proxy of each site's lease service, in a thread of its own.
        timeout: Seconds to wait for all answers.

    Returns:
        One answer for each site, in the order of the sites.
    """
    said: dict[Site, Answer[_T]] = {}

    def listen(site: Site) -> None:
        try:
            said[site] = Answer(site, question(site.lease))
        except Exception as error:  # noqa: BLE001 - authentication plugins raise any exception
            _LOG.debug('%s', site, exc_info=True)
            said[site] = Answer(site, trouble=site.sentence(error))

    # No pool: at the end of the program it would wait for a site that is late.
    threads = [threading.Thread(target=listen, args=(site,), daemon=True) for site in sites]
    for thread in threads:
        thread.start()
    end = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
    late = f'It has not answered within {timeout:g} seconds.'
    return [said.get(site) or Answer(site, trouble=late) for site in sites]
