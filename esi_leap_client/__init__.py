"""The client of the lease service: an openstacksdk proxy and `openstack esi` commands."""
