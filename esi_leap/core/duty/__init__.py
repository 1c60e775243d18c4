"""What the manager has to do for one node, and what follows from doing it."""
