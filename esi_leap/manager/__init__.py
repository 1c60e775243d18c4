"""The manager: it owes the world things, and pays."""
