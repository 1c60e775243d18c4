"""The store: the booking tree of all nodes in SQLite, MariaDB or PostgreSQL."""
