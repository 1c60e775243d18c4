"""Plans of requests: the changes that they make to the booking tree of a node."""
