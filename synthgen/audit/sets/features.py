"""What the Hugging Face types of a table say: which column is the image, which are labels."""

from pathlib import Path
from typing import Any

_IMAGES = ("image", "img", "picture", "photo")


def image_column(features: Any) -> str | None:
    """By its type; else, of columns that could hold encoded images, the one with such a name."""
    from datasets import Image

    if typed := [name for name, feature in features.items() if isinstance(feature, Image)]:
        return next((name for name in _IMAGES if name in typed), typed[0])
    return next((name for name in _IMAGES if name in features and _holds_bytes(features[name])), None)


def names_of(features: Any, column: str) -> list[str] | None:
    """The names of a column of class labels; None for another column."""
    from datasets import ClassLabel

    feature = features.get(column)
    return list(feature.names) if isinstance(feature, ClassLabel) and feature.names else None


def encoded(value: Any) -> bytes | None:
    """The bytes of an image as Arrow has it: bytes, or a mapping of bytes and a path."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, dict):
        return None
    data, path = value.get("bytes"), value.get("path")
    if data is not None or not path:
        return data if isinstance(data, bytes) else None
    try:
        if "://" not in path:
            return Path(path).read_bytes()
        from datasets.utils.file_utils import xopen

        with xopen(path, "rb") as file:
            content: bytes = file.read()
            return content
    except OSError:
        return None


def _holds_bytes(feature: Any) -> bool:
    if isinstance(feature, dict):
        return "bytes" in feature
    return getattr(feature, "dtype", None) in ("binary", "large_binary")
