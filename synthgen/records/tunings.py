"""What an adapter was tuned on, as its own file says."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class TunedOn:
    """What `synthgen tune` writes into an adapter's file.

    Attributes:
        model, revision: the model that was tuned.
        images: the sha256 of each file that it was trained on, in hex, sorted.
        licence: what the user noted on the licence of these images.
    """

    model: str
    revision: str
    images: tuple[str, ...]
    licence: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return it as JSON types."""
        return {**asdict(self), "images": list(self.images)}

    @classmethod
    def read(cls, found: object) -> Self:
        """Read what `as_json` wrote, which may come from anywhere.

        Raises:
            ValueError: it cannot be that.
        """
        if not isinstance(found, Mapping) or found.keys() != {"model", "revision", "images", "licence"}:
            raise ValueError("expected model, revision, images and licence")
        model, revision, images, licence = (found[key] for key in ("model", "revision", "images", "licence"))
        if not isinstance(images, list) or not 0 < len(images) <= _MOST:
            raise ValueError(f"images: expected a list of 1 to {_MOST:,}")
        if not all(isinstance(each, str) and len(each) == 64 and set(each) <= _HEX for each in images):
            raise ValueError("images: expected a sha256 for each")
        if not all(isinstance(each, str) and len(each) <= 500 for each in (model, revision, licence or "")):
            raise ValueError("model, revision and licence: expected short texts")
        return cls(model, revision, tuple(images), licence or None)

    def __str__(self) -> str:
        return f"tuned on {len(self.images):,} images"


_HEX = set("0123456789abcdef")
