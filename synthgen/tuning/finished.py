"""A tuning that is done: its record, whether its adapter is still there, and whether the same is asked for again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from synthgen.bounded import read_object
from synthgen.errors import StorageError, UsageError
from synthgen.files import as_storage_error
from synthgen.tuning.folder import RECORD, WEIGHTS, WORD_WEIGHTS


@dataclass(frozen=True, slots=True)
class FinishedTuning:
    """What tune.json says of a tuning that is done.

    Attributes:
        record: all of it.
        identity: as `TuneIdentity.as_json` gives it.
        file, sha256: the adapter's.
        compared: how many drawn images were compared with the training images.
        judge: by which judge; None if none was.
    """

    folder: Path
    record: dict[str, object]
    identity: Mapping[str, object]
    file: str
    sha256: str
    licence: str | None
    precision: str
    compared: int
    judge: str | None

    @classmethod
    def read(cls, folder: Path) -> FinishedTuning | None:
        """Read the record in a folder; None if there is none.

        Raises:
            StorageError: it is damaged.
        """
        path = folder / RECORD
        if not path.exists():
            return None

        try:
            found = read_object(path)
            near = found["memorisation"]
            return cls(
                folder,
                found,
                dict(found["identity"]),
                _file(found["adapter"]["file"]),
                str(found["adapter"]["sha256"]),
                found["images"]["licence"],
                str(found["made_with"]["precision"]),
                0 if near is None else int(near["images"]),
                None if near is None else str(near["judge"]),
            )
        except (OSError, ValueError, TypeError) as error:
            raise StorageError(f"{path} is damaged: {error}", hint="Delete it, and tune again.") from error
        except KeyError as error:
            raise StorageError(f"{path} is damaged: it has no {error}", hint="Delete it, and tune again.") from error

    def check_asked(self, check: int, judge: str | None, licence: str | None, precision: str) -> None:
        """Refuse what would have made another adapter or another record, and is not done any more.

        Raises:
            UsageError: an argument is not what it was.
        """
        if check != self.compared:
            was = "no image was" if not self.compared else f"{self.compared:,} images were"
            what = f"{was} compared with the training images when {self.folder} was tuned, but `check` is {check}"
            alone = "" if self.compared else " and no `max_memorised`"
            hint = f"Choose another `output`, or give `check={self.compared}`{alone} to see what is there."
            raise UsageError(what, argument="check", hint=hint)
        precision = self.precision if precision == "auto" else precision
        noted = "no note on a licence" if self.licence is None else f"the note {self.licence!r}"
        asked = (
            ("judge", self.judge, judge, f"{self.folder} was compared by {self.judge}"),
            ("license", self.licence, licence or self.licence, f"{self.folder} has {noted}"),
            ("precision", self.precision, precision, f"{self.folder} was tuned in {self.precision}"),
        )
        for argument, before, now, said in asked:
            if now != before:
                hint = f"Choose another `output`, or delete {self.folder / RECORD} to tune again."
                raise UsageError(f"{said}; found {now!r}", argument=argument, hint=hint)

    def check_adapter(self) -> None:
        """Check that the adapter is the one that was made.

        Raises:
            StorageError: it is not there, or was changed.
        """
        path = self.folder / self.file
        hint = f"Put the file back, or delete {self.folder / RECORD} to tune again."
        if not path.is_file():
            raise StorageError(f"{path} is not there, though the tuning is done", hint=hint)
        with as_storage_error(path), path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        if digest != self.sha256:
            what = f"{path} was changed: expected the sha256 {self.sha256}, found {digest}"
            raise StorageError(what, hint=hint)


def _file(name: object) -> str:
    if name not in (WEIGHTS, WORD_WEIGHTS):
        raise ValueError(f"its adapter is {name!r:.60}")
    return str(name)
