"""A real cloud on one machine: Keystone, Ironic and this service, for trying out and for tests."""
