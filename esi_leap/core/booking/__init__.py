"""What requests do to the booking tree of a node."""
