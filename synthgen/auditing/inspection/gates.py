"""Gates on what the images of a set show without a model, such as `dark <= 0.01`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from synthgen.auditing.gate_lines import limit_of
from synthgen.auditing.gates import Found, Gate, GateOutcome, GateResult, decide
from synthgen.auditing.inspection.findings import Inspection, Issue, IssueKind
from synthgen.errors import UsageError
from synthgen.stats.estimates import point, wilson

PIXELS = "the images themselves"
"""What such a gate rests on."""
_LINE = re.compile(
    r"(?P<issue>[^:<>=≤≥]+?)(?:\s+(?P<within>within class|within dataset|over ?all))?"
    r"\s*(?P<sign><=|>=|≤|≥)\s*(?P<limit>\S+)"
)
_ALONE = {IssueKind.BLANK, IssueKind.DARK, IssueKind.BRIGHT, IssueKind.PLAIN, IssueKind.BLURRY}
"""Each image is judged by itself, so that the images of a class are a sample of what the source makes of it."""
_NAMES = {kind.value: kind for kind in IssueKind}
_SPELLED = {"leakage": "leak", "odd_aspect": "odd_aspect_ratio", "color": "colour", "grayscale": "greyscale"}


@dataclass(frozen=True, slots=True)
class ImageGate(Gate):
    """An upper limit on the share of images with an issue; `attribute` is the name of the issue."""

    def __str__(self) -> str:
        return f"{self.attribute}{' within class' if self.within == 'class' else ''} <= {self.limit:g}"


def is_image_gate(text: str) -> bool:
    """Return whether a line is a gate on images: it has no colon, which ends the name of an attribute."""
    return _LINE.fullmatch(text.strip()) is not None


def read_image_gates(lines: Sequence[str], *, has_images: bool) -> list[ImageGate]:
    """Read the lines of `gates` that are about images. Without `within class`, they are about the whole set.

    Raises:
        UsageError: there is no such issue; a limit is not a share, or a lower limit; or the set has no images.
    """
    found = []
    for text in lines:
        matched = _LINE.fullmatch(text.strip())
        if matched is None:
            continue
        kind = _kind(matched["issue"])
        if kind is None:
            raise _unknown(text, matched["issue"])
        if matched["sign"] in (">=", "≥"):
            hint = f"Write '{kind.value} <= LIMIT'."
            raise UsageError(f"gate {text!r}: an issue of images has an upper limit only", argument="gates", hint=hint)
        if not has_images:
            hint = "Its table alone can be audited: leave this gate out."
            raise UsageError(f"gate {text!r}: the set has no images to look at", argument="gates", hint=hint)
        within: Literal["class", "dataset"] = "class" if matched["within"] == "within class" else "dataset"
        found.append(ImageGate(kind.value, within, "issue", True, limit_of(text, matched["limit"])))
    return found


def decide_image_gates(gates: Sequence[ImageGate], inspection: Inspection | None, about: str) -> list[GateResult]:
    """Decide gates by what the images show."""
    if inspection is None:
        why = "the images were not looked at"
        return [GateResult(str(gate), GateOutcome.INSUFFICIENT, why, ()) for gate in gates]
    return [decide(gate, dict(_places(gate, inspection, about))) for gate in gates]


def _kind(name: str) -> IssueKind | None:
    word = "_".join(re.split(r"[\s_-]+", name.strip().casefold()))
    word = _SPELLED.get(word, word)
    return _NAMES.get(word) or _NAMES.get(word.removesuffix("s")) or _NAMES.get(word.replace("classes", "class"))


def _unknown(text: str, name: str) -> UsageError:
    near = get_close_matches(name.casefold(), _NAMES, n=1)
    meant = f"Did you mean {near[0]!r}? " if near else ""
    hint = f"{meant}There are {', '.join(_NAMES)}. A gate on an attribute has a colon: 'ATTRIBUTE: MEASURE <= LIMIT'."
    return UsageError(f"gate {text!r}: {name!r} is not an issue of images", argument="gates", hint=hint)


def _places(gate: ImageGate, inspection: Inspection, about: str) -> Iterator[tuple[str, Found]]:
    kind = IssueKind(gate.attribute)
    issue = next((each for each in inspection.issues if each.kind is kind), None)
    why = _why_not(kind, issue)
    if gate.within == "dataset":
        yield "overall", Found(issue.share if issue and not why else None, why, narrows="more images")
        return
    for name, splits in inspection.counts.items():
        images = sum(splits.values())
        if why or issue is None or not images:
            yield f"class {name}", Found(None, why)
            continue
        many = issue.classes.get(name, 0)
        is_sample = kind in _ALONE and about == "source"
        effect = inspection.class_design_effects.get(name, 1.0)
        share = wilson(many / effect, images / effect) if is_sample else point(many / images)
        yield f"class {name}", Found(share, narrows="more images")


def _why_not(kind: IssueKind, issue: Issue | None) -> str:
    if issue is not None:
        return issue.reason or ("" if issue.share is not None else "there are no images")
    other = IssueKind.COLOUR if kind is IssueKind.GREY else IssueKind.GREY
    return f"most images are so, and the others are counted, as {other.value!r}"
