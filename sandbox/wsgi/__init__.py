"""Modules that web servers load; they run inside the environment of the service they start."""
