"""What the service needs of the world; the adapters are held to these protocols."""
