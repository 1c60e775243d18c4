"""The proxy between websockets and the serial consoles of nodes."""
