"""For WSGI servers."""
