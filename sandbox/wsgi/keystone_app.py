"""Keystone's WSGI application for gunicorn.

Keystone reads ``sys.argv`` while it is imported and ends the process at options it does not know,
and gunicorn's are such: it gets to see its own name only.
"""

import sys

sys.argv = ['keystone']

from keystone.wsgi.api import application  # noqa: E402

__all__ = ['application']
