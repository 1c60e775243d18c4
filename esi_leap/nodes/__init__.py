"""The services that have the machines."""
