"""Adapters to the services of the cloud: Ironic, Neutron, Keystone, and a fleet of JSON files.

Each implements a protocol of `core.ports.cloud`, where its methods are documented.
"""
