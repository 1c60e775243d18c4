"""The client of the lease service: an openstacksdk proxy and `openstack esi` commands.

From Python::

    import esi_leap_client

    conn = esi_leap_client.connect(cloud='mycloud')
    for offer in conn.lease.offers(resource_class='gpu'):
        print(offer.uuid, offer.availabilities)

A connection made elsewhere gets the same with ``esi_leap_client.add_to(conn)``.
"""

from esi_leap_client.service import add_to, connect

__all__ = ['add_to', 'connect']
