"""The protocols by which the service reaches the world; adapters implement them."""
