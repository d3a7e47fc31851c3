"""What a tuning made, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synthgen.inert import inert


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Tuned:
    """An adapter, and how it came about.

    Attributes:
        folder: what `model.adapters` of a spec names.
        record: the content of tune.json.
        max_memorised: the limit that was asked for; None without one.

    Example:
        >>> real = synthgen.render("outputs/few-to-tune", 10, even=True)
        >>> tuned = synthgen.tune("outputs/few-to-tune", "bundled:workers", "outputs/lora", steps=2, check=0)
        >>> len(tuned.sha256), tuned.memorised
        (64, None)
    """

    folder: Path
    record: Mapping[str, object]
    max_memorised: float | None = None

    @property
    def sha256(self) -> str:
        """The hash of the adapter's file."""
        return str(self._of("adapter")["sha256"])

    @property
    def snippet(self) -> str:
        """The part of a spec that uses the adapter."""
        from synthgen.tuning.document import snippet

        token = self._of("adapter").get("token")
        return snippet(str(self.folder), str(self._of("base")["model"]), None if token is None else str(token))

    @property
    def memorised(self) -> float | None:
        """The share of drawn images that are closer to a training image than any two of those are to each other.

        It is None where nothing was compared. `record["memorisation"]` has the same of the untuned model.
        """
        found = self.record.get("memorisation")
        return float(found["share"]) if isinstance(found, dict) else None

    @property
    def failure(self) -> str | None:
        """How `max_memorised` was broken; None if it holds, or was not asked for."""
        broken = self._broken()
        return broken[0] if broken else None

    @property
    def is_undecided(self) -> bool:
        """Whether `failure` tells of the training images alone: what the untuned model drew breaks the limit, too."""
        broken = self._broken()
        return broken is not None and broken[1]

    def _broken(self) -> tuple[str, bool] | None:
        from synthgen.tuning.document import gated

        near = self.record.get("memorisation")
        return None if self.max_memorised is None or not isinstance(near, dict) else gated(near, self.max_memorised)

    def to_dict(self) -> dict[str, object]:
        """Return the content of tune.json."""
        return dict(self.record)

    def _of(self, key: str) -> Mapping[str, object]:
        found = self.record[key]
        assert isinstance(found, dict), "tune.json was checked when it was read"
        return found

    def __repr__(self) -> str:
        return f"<Tuned {inert(str(self.folder))}>"
