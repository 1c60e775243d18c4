"""The tasks of the manager for one node, and the changes that follow from them."""
