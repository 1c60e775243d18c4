"""The commands `openstack esi …`."""
