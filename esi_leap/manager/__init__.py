"""The manager: performs hand-overs and returns when they are due."""
