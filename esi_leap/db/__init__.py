"""The store: the booking trees of all nodes, in SQLite, MariaDB or PostgreSQL."""
