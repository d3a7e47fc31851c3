"""The attempts of a run as they came, whether its filters accepted them or not, as a set of images."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from synthgen.dataset.encoding import Encoding, encode
from synthgen.files import as_damage, refuse_links
from synthgen.images import LeftOut
from synthgen.ledger import columns
from synthgen.records import Reason, Rule, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from synthgen.auditing.input.audited_set import RecordedRun
    from synthgen.ledger.review import Review
    from synthgen.planning import Plan
    from synthgen.sets.parquet import ParquetSet

KEEP_IMAGES = "`output.rejects.keep: images`"
"""What a spec must say so that its run keeps what its filters reject."""
NO_RUN = f"the synthetic set is not in a run: only a run with {KEEP_IMAGES} has what its filters rejected"
"""Why there is no arm without the filters, where the set may be of any origin."""
FAILED, UNSAFE = "that the model failed to make", "that a safety measure rejected"
EXCLUDED, UNKNOWN_CLASS = "that a reviewer took out", "of classes that the real set has not"
_UNSAFE_SCORE = "unsafe_posterior"
_AT_ONCE = 1024
_FILES = 8
"""So many files are open at a time."""


class PicturedAttempt(NamedTuple):
    """An attempt with a picture.

    Attributes:
        file, row: where its picture is.
        class_name: what it was asked to show.
        place: how far its cell was when it was made, as a share of what the cell was to have in its shard. It may be
            above 1, and is infinite in shards that replace missing images: without filters, none would be missing.
    """

    file: Path
    row: int
    id: str
    class_name: str
    place: float


class Attempts(NamedTuple):
    """The attempts of a run.

    Attributes:
        usable: in the order in which they were made.
        left_out: how many others there are, by reason.
        lacking: how many more have no picture, since it was not kept.
    """

    usable: list[PicturedAttempt]
    left_out: Mapping[str, int]
    lacking: int


def read_attempts(run: RecordedRun, classes: frozenset[str]) -> Attempts:
    """Find the attempts whose pictures may be trained on.

    Those stay out that failed, that are of other classes, that a reviewer took out, and that a safety measure rejects,
    whichever rule rejected them first. What a reviewer took in stays in.

    Raises:
        StorageError: a file cannot be read.
    """
    found, left_out, lacking = list[PicturedAttempt](), Counter[str](), 0
    for images, ledger in zip(run.images, run.ledgers, strict=True):
        for file in (images, ledger):
            refuse_links(run.folder, file)
        accepted = {str(each["id"]): row for row, each in enumerate(_rows(images, ["id"]))}
        shard, made = _shard_of(run.planned, ledger), Counter[str]()

        for row, each in enumerate(_attempts(ledger)):
            name, cell = str(each["id"]), str(each[columns.CELL_AIMED])
            if (why := _why_not(each, shard.safety, run.review, classes)) is not None:
                left_out[why] += 1
            elif name not in accepted and each["image"] is None:
                lacking += 1
            else:
                file, place = (images, accepted[name]) if name in accepted else (ledger, row)
                found.append(PicturedAttempt(file, place, name, str(each["class"]), shard.place(cell, made[cell])))
                made[cell] += 1
    return Attempts(found, left_out, lacking)


def first_attempts(attempts: Sequence[PicturedAttempt], count: int) -> list[PicturedAttempt]:
    """Return so many attempts, in their order: of each cell the first ones, in proportion to what it was to have.

    A run makes most attempts at what seldom passes its filters. Without filters, no cell would have had more attempts
    than it wants images.
    """
    chosen = sorted(range(len(attempts)), key=lambda row: attempts[row].place)[:count]
    return [attempts[row] for row in sorted(chosen)]


class _ShardAsPlanned(NamedTuple):
    """What a shard was to make.

    Attributes:
        quotas: of each cell.
        safety: the rules of its safety section.
        replaces: whether it replaces images that others lack.
    """

    quotas: Mapping[str, int] = {}
    safety: tuple[Rule, ...] = ()
    replaces: bool = False

    def place(self, cell: str, before: int) -> float:
        """Return the `place` of an attempt at a cell, before which there were so many."""
        return math.inf if self.replaces else (before + 0.5) / self.quotas.get(cell, 1)


def _shard_of(planned: Plan, ledger: Path) -> _ShardAsPlanned:
    from synthgen.planning.rules import rules_of

    number = next((int(str(each["shard"])) for each in _rows(ledger, ["shard"])), None)
    if number is None:  # it has no attempts
        return _ShardAsPlanned()
    spec = planned.part_of(number).spec
    rules = rules_of(spec, next(iter(spec.classes)))
    quotas = {cell.name: cell.quota for cell in planned.shard(number).cells}
    safety = tuple(rule for rule in rules if rule.reason is Reason.UNSAFE)
    return _ShardAsPlanned(quotas, safety, number in planned.top_ups)


def _why_not(row: Mapping[str, object], rules: Sequence[Rule], review: Review, classes: frozenset[str]) -> str | None:
    """Say why an attempt is not trained on; None if it may be."""
    if row["verdict"] == Verdict.FAILED:
        return FAILED
    if row["class"] not in classes:
        return UNKNOWN_CLASS
    if row["id"] in review.excluded:
        return EXCLUDED
    if row["id"] in review.spared or row["reason"] == Reason.EARLY:  # which has no picture
        return None
    scores = {name: math.nan if value is None else value for name, value in columns.scores_of(row).items()}
    if row["reason"] == Reason.UNSAFE or not all(rule.allows(scores.get(rule.score, math.nan)) for rule in rules):
        return UNSAFE
    return None


def _attempts(ledger: Path) -> Iterator[Mapping[str, object]]:
    """Read what must be known of each attempt; its `image` is None where no picture of it was kept."""
    import pyarrow.parquet as pq

    unsafe = columns.score(_UNSAFE_SCORE)
    with as_damage(ledger):
        there = pq.read_schema(ledger).names
    named = ["id", "class", columns.CELL_AIMED, "verdict", "reason", *([unsafe] if unsafe in there else [])]
    # The path alone tells whether there is a picture, which is not read for that.
    for row in _rows(ledger, [*named, *(["image.path"] if "image" in there else [])]):
        yield {"image": None, **row}


def _rows(file: Path, named: Sequence[str]) -> Iterator[Mapping[str, object]]:
    import pyarrow.parquet as pq

    with as_damage(file), pq.ParquetFile(file) as opened:
        for batch in opened.iter_batches(_AT_ONCE, columns=list(named)):
            yield from batch.to_pylist()


class AttemptSet:
    """An `ImageSet` of attempts, each encoded as the pictures of the run's dataset are."""

    label_columns: tuple[str, ...] = ()
    columns: tuple[str, ...] = ("id", "label")
    has_images = True
    notes: tuple[str, ...] = ()

    def __init__(self, run: RecordedRun, attempts: Sequence[PicturedAttempt]) -> None:
        self.name, self.source = f"{run.planned.spec.name}, unfiltered", f"the attempts of the run {run.folder}"
        self._attempts, self._opened = attempts, lru_cache(_FILES)(_opened)
        as_written = run.planned.spec.output.image
        self._encoding = Encoding(as_written.format, as_written.quality)

    def table(self, columns: Sequence[str]) -> pd.DataFrame:
        """Read the ids of attempts, and what they were asked to show."""
        import pandas as pd

        rows = [(each.id, each.class_name) for each in self._attempts]
        return pd.DataFrame(rows, columns=[*self.columns])[list(columns)]

    def images(self) -> Iterator[list[bytes | LeftOut]]:
        """Read the picture of every attempt, some at a time."""
        from synthgen.sets.image_set import in_batches

        return in_batches(len(self._attempts), self.some)

    def some(self, rows: Sequence[int]) -> list[bytes | LeftOut]:
        """Read the pictures of these attempts, which are sorted."""
        asked = [(self._attempts[row].file, self._attempts[row].row, place) for place, row in enumerate(rows)]
        found: dict[int, bytes | LeftOut] = {}
        for file, wanted in groupby(sorted(asked), key=lambda each: each[0]):
            named = list(wanted)
            pictures = self._opened(file).some([row for _, row, _ in named])
            found |= zip((place for _, _, place in named), pictures, strict=True)
        with ThreadPoolExecutor() as threads:  # encoders let other threads work
            return list(threads.map(self._encoded, (found[place] for place in range(len(rows)))))

    def pictures(self, column: str, rows: Sequence[int]) -> list[bytes | LeftOut]:
        """Refuse: attempts have no other pictures.

        Raises:
            UsageError: always.
        """
        from synthgen.sets.image_set import lacking

        raise lacking(self.source, column, self.columns)

    def _encoded(self, picture: bytes | LeftOut) -> bytes | LeftOut:
        return picture if isinstance(picture, LeftOut) else encode(picture, self._encoding)


def _opened(file: Path) -> ParquetSet:
    from synthgen.sets.own_folder import own_folder
    from synthgen.sets.parquet import ParquetSet

    return ParquetSet(file.name, str(file), [file], own_folder(file.parent))
