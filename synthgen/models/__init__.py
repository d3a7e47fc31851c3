"""Where models come from, and what the machine offers them. Importing this room imports no torch."""

from synthgen.models.content import content_hash, judge_hash
from synthgen.models.source import ModelSource, check_pipeline, is_cached, is_folder, locate

__all__ = [
    "ModelSource",
    "check_pipeline",
    "content_hash",
    "is_cached",
    "is_folder",
    "judge_hash",
    "locate",
]
