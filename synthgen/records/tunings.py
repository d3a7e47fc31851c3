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
        prior: on how many images of the model itself, too, so that it forgets less.
    """

    model: str
    revision: str
    images: tuple[str, ...]
    licence: str | None = None
    prior: int = 0

    def as_json(self) -> dict[str, object]:
        """Return it as JSON types; without `prior` where that is 0."""
        found = {**asdict(self), "images": list(self.images)}
        return found if self.prior else {key: value for key, value in found.items() if key != "prior"}

    @classmethod
    def read(cls, found: object) -> Self:
        """Read what `as_json` wrote, which may come from anywhere.

        Raises:
            ValueError: it cannot be that.
        """
        if not isinstance(found, Mapping) or found.keys() - {"prior"} != {"model", "revision", "images", "licence"}:
            raise ValueError("expected model, revision, images and licence")
        model, revision, images, licence = (found[key] for key in ("model", "revision", "images", "licence"))
        prior = found.get("prior", 0)
        if not isinstance(images, list) or not 0 < len(images) <= _MOST:
            raise ValueError(f"images: expected a list of 1 to {_MOST:,}")
        if not all(isinstance(each, str) and len(each) == 64 and set(each) <= _HEX for each in images):
            raise ValueError("images: expected a sha256 for each")
        if not all(isinstance(each, str) and len(each) <= 500 for each in (model, revision, licence or "")):
            raise ValueError("model, revision and licence: expected short texts")
        if type(prior) is not int or not 0 <= prior <= _MOST:
            raise ValueError(f"prior: expected at most {_MOST:,}")
        return cls(model, revision, tuple(images), licence or None, prior)

    def __str__(self) -> str:
        own = f" and {self.prior:,} of the model's own" if self.prior else ""
        return f"tuned on {len(self.images):,} images{own}"


_HEX = set("0123456789abcdef")
