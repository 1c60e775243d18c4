"""Neutron's WSGI application for gunicorn, whose arguments Neutron would take for its own."""

import sys

sys.argv = ['neutron']

from neutron.wsgi.api import application  # noqa: E402

__all__ = ['application']
