"""The store: the calendar of all nodes in SQLite, MariaDB or PostgreSQL."""
