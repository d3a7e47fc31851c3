"""Questions: the filters whose thresholds follow from what people say about the pictures of a pilot. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synthgen.errors import UsageError
from synthgen.spec import CALIBRATED, Spec
from synthgen.store.layout import CALIBRATION, CALIBRATION_PLOT, TO_LABEL

_LABEL = "label"


@dataclass(frozen=True, slots=True)
class CalibratedFilter:
    """What calibrates one filter.

    Attributes:
        filter: its name in the spec.
        score: the score that its threshold limits.
        told: what that score is called.
    """

    filter: str
    score: str
    told: str

    @property
    def compares(self) -> bool:
        """Whether it is about an image beside the picture that it begins from."""
        return self.filter in ("kept", "changed")

    @property
    def boxed(self) -> bool:
        """Whether it is about the boxes of an image."""
        return self.filter == "box"

    def key(self, class_name: str) -> str:
        """The name under which looks at the answers for a class are counted."""
        return class_name if self.filter == _LABEL else f"{self.filter}: {class_name}"

    def file(self, folder: Path, name: str) -> Path:
        """A file of the pilot in `folder`: each filter has its own."""
        plain = folder / name
        return plain if self.filter == _LABEL else plain.with_stem(f"{plain.stem}-{self.filter}")


QUESTIONS: Mapping[str, CalibratedFilter] = {
    each.filter: each
    for each in (
        CalibratedFilter(_LABEL, "label_posterior", "posterior"),
        CalibratedFilter("kept", "kept", "score"),
        CalibratedFilter("changed", "gained", "gain"),
        CalibratedFilter("box", "box_margin", "margin"),
    )
}
assert QUESTIONS.keys() == CALIBRATED.keys()


def files_of(folder: Path) -> list[Path]:
    """What calibrations write into a pilot's folder, but for the answers, which are somebody's work."""
    made = (CALIBRATION, CALIBRATION_PLOT, TO_LABEL)
    return [question.file(folder, name) for question in QUESTIONS.values() for name in made]


def question_of(spec: Spec, name: str) -> CalibratedFilter:
    """The question that calibrates a filter.

    Raises:
        UsageError: there is none of this name, or the images of the spec lack what it is about: a picture that they
            begin from, or boxes.
    """
    if (question := QUESTIONS.get(name)) is None:
        what = f"expected {', '.join(QUESTIONS)}, found {name!r}"
        raise UsageError(what, argument="filter", hint="Only these filters have thresholds that labels can set.")
    if question.compares and not spec.redraws:
        what = f"{name} compares images with the pictures that they begin from, and those of this spec begin from none"
        raise UsageError(what, argument="filter", hint="Set a task that redraws pictures, and source, or use label.")
    if question.filter == "kept" and (spec.shaped_by or spec.canvas):
        what = "kept is the share of the pixels outside the region that stayed, which pasting back makes 1"
        raise UsageError(
            what, argument="filter", hint="Set filters.kept.min_score to 1, which proves it of each image."
        )
    if question.boxed and not spec.has_boxes:
        hint = "Add annotate.boxes, or name the column of the source's in source.boxes."
        raise UsageError("the images of this spec have no boxes", argument="filter", hint=hint)
    return question
