"""What Neutron says of a machine: what is bound, and what is nobody's business there."""

from esi_leap.core.handover.network import NO_ATTACHMENTS, Attachment, Attachments
from tests.unit.core.given import STRANGER, TENANT

PORTS = Attachments(
    (
        Attachment(id='his', project_id=TENANT),
        Attachment(id='listed', project_id=TENANT, bound=False),
        Attachment(id='foreign', project_id=STRANGER),
        Attachment(id='listed and foreign', project_id=STRANGER, bound=False),
        Attachment(id='ramdisk', project_id='p-service', of_ironic=True),
    )
)


def test_what_is_bound_is_bound_whoever_owns_it() -> None:
    assert PORTS.bound == ('his', 'foreign', 'ramdisk')
    assert PORTS.of_tenants == ('his', 'foreign')
    assert NO_ATTACHMENTS.bound == NO_ATTACHMENTS.of_tenants == ()


def test_ports_of_others_are_foreign_whether_bound_or_listed() -> None:
    assert PORTS.foreign(TENANT) == ('foreign', 'listed and foreign')
    assert PORTS.foreign(STRANGER) == ('his', 'listed')
    assert NO_ATTACHMENTS.foreign(TENANT) == ()
