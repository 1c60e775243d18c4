"""The physical side of a lease: giving a node to a lessee and taking it back."""
