"""Virtual media, volumes and the boot device of a node: found, and removed."""

from __future__ import annotations

import logging
from http import HTTPStatus

from keystoneauth1 import exceptions

from esi_leap.cloud.ironic.client import Client
from esi_leap.cloud.rest import AnswerError
from esi_leap.core.handover.leftovers import (
    BootAsUsual,
    EjectMedia,
    Leftovers,
    Removal,
    RemoveVolume,
)

_LOG = logging.getLogger(__name__)

#: The oldest version of the API that shows virtual media and ejects them.
_MEDIA_VERSION = '1.93'
#: The boot device of a node for which none is set.
_USUAL_BOOT = 'pxe'


def read_leftovers(ironic: Client, uuid: str) -> Leftovers:
    """Return the leftovers of a node beside its fields; errors as `Service.get`."""
    media = ironic.read_supported(f'/nodes/{uuid}/vmedia', version=_MEDIA_VERSION) or []
    device = _boot_device(ironic, uuid)
    return Leftovers(
        media=any(each['inserted'] for each in media),
        volumes=read_volumes(ironic, uuid),
        boots=device not in {None, _USUAL_BOOT} and device != _usual_boot(ironic, uuid),
    )


def read_volumes(ironic: Client, uuid: str) -> dict[str, str]:
    """Return the volume connectors and targets of a node, each with the time of its change."""
    return {
        f'{kind}/{each["uuid"]}': each['updated_at'] or each['created_at']
        for kind in ('connectors', 'targets')
        for each in ironic.read(f'/volume/{kind}', params={'node': uuid, 'detail': True})[kind]
    }


def remove(ironic: Client, uuid: str, verb: Removal) -> None:
    """Remove one leftover of a node; a volume that is gone is fine. Errors as `Service.ask`."""
    node = f'/nodes/{uuid}'
    match verb:
        case EjectMedia():
            # Each kind is named: without names Ironic 39 ejects all, and fails after that.
            path = f'{node}/vmedia?device_types=cdrom,disk,floppy'
            ironic.change('DELETE', path, version=_MEDIA_VERSION)
        case RemoveVolume(volume):
            try:
                ironic.change('DELETE', f'/volume/{volume}')
            except AnswerError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
        case BootAsUsual():
            boot = {'boot_device': _usual_boot(ironic, uuid), 'persistent': False}
            ironic.change('PUT', f'{node}/management/boot_device', boot)


def _boot_device(ironic: Client, uuid: str) -> str | None:
    """Return the boot device of a node, None if it does not tell."""
    try:
        found = ironic.read_supported(f'/nodes/{uuid}/management/boot_device') or {}
    except (AnswerError, exceptions.ConnectTimeout) as error:
        if isinstance(error, AnswerError) and error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        # There are BMCs that never tell it, and Ironic may ask them for a minute. It sets it
        # whenever it boots the node; keeping the node back for good would be worse.
        _LOG.warning('node %s does not tell its boot device: %s', uuid, error)
        return None
    device: str | None = found.get('boot_device')
    return device


def _usual_boot(ironic: Client, uuid: str) -> str:
    found = ironic.read(f'/nodes/{uuid}/management/boot_device/supported')
    supported: list[str] = found['supported_boot_devices']
    return _USUAL_BOOT if _USUAL_BOOT in supported else supported[0]
