"""The use cases, one function a deed: (deps, ctx, request) -> value or error."""
