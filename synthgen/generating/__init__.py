"""Candidate -> Rendered, with diffusers. Importing this room imports neither torch nor diffusers."""
