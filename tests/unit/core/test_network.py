"""What Neutron says of a machine: what is bound, and what is nobody's business there."""

from esi_leap.core.network import NO_PORTS, Port, Ports

from .given import STRANGER, TENANT

PORTS = Ports(
    (
        Port(id='his', project_id=TENANT),
        Port(id='listed', project_id=TENANT, bound=False),
        Port(id='foreign', project_id=STRANGER),
        Port(id='listed and foreign', project_id=STRANGER, bound=False),
        Port(id='ramdisk', project_id='p-service', of_ironic=True),
    )
)


def test_what_is_bound_is_bound_whoever_owns_it() -> None:
    assert PORTS.bound == ('his', 'foreign', 'ramdisk')
    assert PORTS.of_tenants == ('his', 'foreign')
    assert NO_PORTS.bound == NO_PORTS.of_tenants == ()


def test_ports_of_others_are_foreign_whether_bound_or_listed() -> None:
    assert PORTS.foreign(TENANT) == ('foreign', 'listed and foreign')
    assert PORTS.foreign(STRANGER) == ('his', 'listed')
    assert NO_PORTS.foreign(TENANT) == ()
