"""Rendered -> what was measured on it, and which rule rejects it. Importing this room imports no torch."""
