"""How an evaluation was made."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EvaluationProvenance:
    """How an evaluation was made.

    Attributes:
        synthgen: the version that evaluated.
        created: the time, in ISO 8601 with the time zone.
        command: a shell command that repeats it; None if it cannot be written as one.
        sets: by title, what each set is and where it is, in words.
        place_sha256: of the place of the synthetic set, as in an audit; None for a set in memory.
    """

    synthgen: str
    created: str
    command: str | None
    sets: Mapping[str, str]
    place_sha256: str | None = None
