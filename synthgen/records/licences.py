"""What a model's own files say of its licence."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LicenceNote:
    """What a model's own files say of its licence, at one revision.

    Attributes:
        named: the ids of licences that its card names; of several, all bind.
        file: its licence file, such as `LICENSE.md`; None if there is none, or nobody could look.
        sha256: that of the file, in hex; None if it could not be read.
    """

    named: tuple[str, ...] = ()
    file: str | None = None
    sha256: str | None = None
