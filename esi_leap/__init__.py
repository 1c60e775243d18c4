"""The lease service for bare-metal nodes shared between organisations."""
