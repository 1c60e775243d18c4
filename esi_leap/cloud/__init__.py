"""The services of the cloud: Ironic, Neutron, Keystone, and a fleet of files for development."""
