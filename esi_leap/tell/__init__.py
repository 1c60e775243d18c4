"""Adapters that report events: to the message bus, and by e-mail to projects."""
