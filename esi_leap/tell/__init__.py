"""Telling others what happened: the message bus and e-mail."""
