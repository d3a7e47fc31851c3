"""Candidate -> Rendered, with diffusers. Importing this room imports neither torch nor diffusers."""

from synthgen.generate.source import ModelSource, content_hash, is_cached, is_folder, locate

__all__ = ["ModelSource", "content_hash", "is_cached", "is_folder", "locate"]
