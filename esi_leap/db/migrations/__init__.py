"""The history of the schema, and the commands that operators know."""
