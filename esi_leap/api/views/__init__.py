"""JSON objects of answers, one file a noun: each has the fields that its schema declares."""
