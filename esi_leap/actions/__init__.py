"""The use cases, one function each: (deps, ctx, request) -> value, or an error."""
