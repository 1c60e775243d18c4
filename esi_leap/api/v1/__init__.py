"""The calls of version 1, one file a noun. Importing a file puts its calls into the table."""
