"""What a finished run comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthgen.fragments import fragment, paragraph
from synthgen.inert import inert
from synthgen.ledger.review import NO_REVIEW, Review
from synthgen.records import Shortfall
from synthgen.spec import Spec

if TYPE_CHECKING:
    from synthgen.dataset.summary import DatasetSummary
    from synthgen.ledger.tally import Tally


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run.

    Attributes:
        folder: the run's folder or address, which contains dataset and sheet.
        fresh: shards made by this call; 0 if all were done before.
        rebuilt: whether this call wrote the dataset; False if it existed already.
        tally: the outcomes of all attempts, per class.
        shortfalls: the cells that are not full.
        seconds: work time of all committed shards.
        spec: the spec of the run, with thresholds in place of files.
        review: the images that reviewers took out or in.
        kept_bytes: disk space of images that were not accepted and whose pixels the ledger keeps.

    Example:
        >>> result = synthgen.run("specs/quickstart.yaml", "outputs/quickstart")
        >>> {kind.name: kind.accepted for kind in result.tally.classes}
        {'doctor': 4, 'chef': 4}
    """

    folder: str
    dataset: str
    sheet: str
    fresh: int
    rebuilt: bool
    tally: Tally
    summary: DatasetSummary
    shortfalls: tuple[Shortfall, ...]
    seconds: float
    spec: Spec
    review: Review = NO_REVIEW
    kept_bytes: int = 0

    def __repr__(self) -> str:
        images = f"{self.summary.rows:,} of {self.spec.total:,} images"
        return f"<RunResult {inert(self.folder)}: {images} from {self.tally.attempted:,} attempts>"

    def _repr_html_(self) -> str:
        """Show the counts of each class, the reasons and where the files are, in a notebook."""
        title = f"{self.spec.name}: {self.summary.rows:,} of {self.spec.total:,} images"
        splits = ", ".join(f"{split.name} {split.rows:,}" for split in self.summary.splits)
        places = f"dataset {self.dataset}: {splits}", f"contact sheet {self.sheet}"
        return fragment(title, *self.tally.tables(), *map(paragraph, places))

    @property
    def missing(self) -> int:
        """How many images the dataset lacks, counted class by class; with images taken in, also cell by cell."""
        by_class = self.summary.missing({kind.name: kind.quota for kind in self.tally.classes})
        return max(by_class, sum(short.missing for short in self.shortfalls))
