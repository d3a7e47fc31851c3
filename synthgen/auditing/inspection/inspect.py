"""From the measures of images to what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from synthgen.auditing.inspection.copies import find_copies
from synthgen.auditing.inspection.findings import Inspection, Issue, IssueKind, IssueRow, Leak, Twins
from synthgen.auditing.inspection.outliers import ASPECT_FACTOR, FEWEST, SIZE_FACTOR, odd, unlikeness
from synthgen.auditing.inspection.repeats import (
    MOST_SPLITS,
    NEAR_BITS,
    Repeats,
    find_repeats,
    pairs_of_splits,
)
from synthgen.auditing.inspection.stored import stored
from synthgen.stats.estimates import Floats, point, wilson
from synthgen.stats.search import Codes, Flags

if TYPE_CHECKING:
    from synthgen.auditing.inspection.scan import Scanned
    from synthgen.stats.near_hashes import Positions

DARK, BRIGHT, FLAT, PLAIN, BLURRED, GREY = 0.32, 0.95, 2 / 255, 2.0, 0.005, 0.03
EXAMPLES, _TWINS, _IN_GROUP = 20, 50, 6


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The images that were opened, with what the table says of them.

    Attributes:
        ids, classes, splits: of each image in `scanned`; None where the table has none.
        clusters: by the name of a column, a number that images which depend on each other share; -1 without one.
        about_set: whether the set itself is asked about, and not the source that it is a sample of.
    """

    scanned: Scanned
    ids: Sequence[str]
    classes: Sequence[str | None]
    splits: Sequence[str | None]
    about_set: bool = False
    seed: int = 0
    clusters: Mapping[str, Codes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Flagged:
    """The images with one kind of issue.

    Attributes:
        scores: the number that the rule limits, for each image; None if there is none.
        first: an order of the images, the clearest first; by default as they are.
        counted: whether the images were compared with each other, so that their share means this set alone.
    """

    kind: IssueKind
    flags: Flags
    rule: str
    limit: float | None = None
    scores: Floats | None = None
    rank: Floats | None = None
    twins: Positions | None = None
    counted: bool = False
    reason: str | None = None


def inspect_images(seen: Seen, left_out: int) -> tuple[Inspection, list[IssueRow]]:
    """Find out what is wrong with the images, and in which of them."""
    classes, class_codes = _coded(seen.classes)
    splits, split_codes = _coded(seen.splits)
    caveats = []
    if len(splits) > MOST_SPLITS:
        caveats.append(f"{len(splits):,} values name a split; leaks are looked for only among {MOST_SPLITS} or fewer")
        splits, split_codes = [], np.full(len(seen.ids), -1, dtype=np.int64)

    measures = seen.scanned.measures
    blank = is_blank(seen.scanned)
    repeats = find_repeats(measures["pixels"], measures["phash"], blank, class_codes, split_codes)
    leaks, leaked = _leaks(repeats, splits, split_codes)
    copies = find_copies(repeats.exact_group, blank, class_codes, len(classes), seen.clusters)
    if not seen.about_set:
        caveats += copies.told(len(seen.ids))
    found = [
        *_repeated(repeats, leaked, splits, classes),
        *_by_itself(seen, blank),
        *_odd(seen, class_codes, len(classes)),
    ]
    twins = [*_twins(seen, repeats)]
    return (
        Inspection(
            images=len(seen.ids),
            left_out=left_out,
            splits={name: int((split_codes == code).sum()) for code, name in enumerate(splits)},
            counts=_counts(seen),
            stored=stored(seen.scanned),
            issues=tuple(_issue(each, seen, copies.effect) for each in found),
            leaks=leaks,
            twins=tuple(twins[:_TWINS]),
            twin_groups=len(twins),
            caveats=tuple(caveats),
            design_effect=copies.effect,
            class_design_effects=dict(zip(classes, copies.by_class, strict=True)),
        ),
        [row for each in found for row in _rows(each, seen)],
    )


def is_blank(scanned: Scanned) -> Flags:
    """Tell which images show nothing."""
    lumas = scanned.measures["lumas"]
    found: Flags = lumas[:, 2] - lumas[:, 0] <= FLAT
    return found


def _coded(names: Sequence[str | None]) -> tuple[list[str], Codes]:
    """Number names in the order of their first appearance; -1 stands for none."""
    codes: dict[str, int] = {}
    found = [-1 if name is None else codes.setdefault(name, len(codes)) for name in names]
    return list(codes), np.array(found, dtype=np.int64)


def _leaks(repeats: Repeats, names: Sequence[str], codes: Codes) -> tuple[tuple[Leak, ...], Flags]:
    found, leaked = [], np.zeros(len(codes), dtype=bool)
    for first, second in pairs_of_splits(names):
        exact, near = (repeats.leaked(codes, first, second, near) for near in (False, True))
        if near.any():
            many = int((codes == second).sum())
            share = point(float(near.sum() / many))
            found.append(Leak(names[first], names[second], int(exact.sum()), int(near.sum()), many, share))
        leaked |= near
    return tuple(found), leaked


def _repeated(repeats: Repeats, leaked: Flags, splits: Sequence[str], classes: Sequence[str]) -> Iterator[_Flagged]:
    nearest = repeats.bits.astype(np.float64)
    twins = np.where(repeats.exact, repeats.exact_twin, repeats.near_twin)
    unsplit = None if len(splits) > 1 else "the set names no splits" if not splits else f"it has one split, {splits[0]}"
    alike = f"equal pixels, or perceptual hashes that differ in at most {NEAR_BITS} of 256 bits"
    yield _Flagged(
        IssueKind.LEAK, leaked, f"another split has the image: {alike}", NEAR_BITS, twins=twins, counted=True,
        reason=unsplit,
    )  # fmt: skip
    yield _Flagged(
        IssueKind.CONFLICT, repeats.conflicting, "the same pixels have several classes", twins=repeats.exact_twin,
        counted=True, reason=None if len(classes) > 1 else "there are no two classes",
    )  # fmt: skip
    yield _Flagged(
        IssueKind.EXACT, repeats.exact, "another image has the same pixels", twins=repeats.exact_twin, counted=True
    )
    rule = f"the perceptual hash of an image with other pixels differs in at most {NEAR_BITS} of 256 bits"
    yield _Flagged(IssueKind.NEAR, repeats.near, rule, NEAR_BITS, nearest, nearest, repeats.near_twin, counted=True)


def _by_itself(seen: Seen, blank: Flags) -> Iterator[_Flagged]:
    """Yield the issues of each image by itself. An image that shows nothing has no other of these issues."""
    measures = seen.scanned.measures
    dark, bright = (measures["lumas"][:, place].astype(np.float64) for place in (2, 1))
    entropy, sharp = measures["entropy"].astype(np.float64), measures["sharpness"].astype(np.float64)
    contrast = dark - measures["lumas"][:, 0]
    yield _Flagged(
        IssueKind.BLANK, blank, "98 % of the pixels differ by at most 2 of 255 steps of luma", 2.0, contrast * 255,
        contrast,
    )  # fmt: skip
    rule = f"99 % of the pixels have a luma of at most {DARK:g} (0 to 1)"
    yield _Flagged(IssueKind.DARK, (dark <= DARK) & ~blank, rule, DARK, dark, dark)
    rule = f"95 % of the pixels have a luma of at least {BRIGHT:g} (0 to 1)"
    yield _Flagged(IssueKind.BRIGHT, (bright >= BRIGHT) & ~blank, rule, BRIGHT, bright, -bright)
    rule = f"the histogram of luma has an entropy below {PLAIN:g} of 8 bits"
    yield _Flagged(IssueKind.PLAIN, (entropy < PLAIN) & ~blank, rule, PLAIN, entropy, entropy)
    rule = f"the variance of the Laplacian is below {BLURRED:g} of that of the luma, at 256 pixels a side or fewer"
    yield _Flagged(IssueKind.BLURRY, (sharp < BLURRED) & ~blank, rule, BLURRED, sharp, sharp)


def _odd(seen: Seen, classes: Codes, class_count: int) -> Iterator[_Flagged]:
    """Yield the issues of images that differ from most others."""
    measures = seen.scanned.measures
    colour = measures["colour"].astype(np.float64)
    grey = colour <= GREY
    there = measures["lumas"][:, 2] - measures["lumas"][:, 0] > FLAT
    if grey[there].mean() < 0.5 if there.any() else True:
        rule = f"the channels differ by at most {GREY:g} of their range, and in most images by more"
        yield _Flagged(IssueKind.GREY, grey & there, rule, GREY, colour, colour, counted=True)
    else:
        rule = f"the channels differ by more than {GREY:g} of their range, and in most images by less"
        yield _Flagged(IssueKind.COLOUR, ~grey, rule, GREY, colour, -colour, counted=True)

    wide, high = measures["width"].astype(np.float64), measures["height"].astype(np.float64)
    for kind, what, values, factor in (
        (IssueKind.SIZE, "the side of a square of as many pixels", np.sqrt(wide * high), SIZE_FACTOR),
        (IssueKind.ASPECT, "the width divided by the height", wide / np.maximum(high, 1), ASPECT_FACTOR),
    ):
        rule = (
            f"{what} differs from the median by more than a factor of {factor:g}, and is far out (Tukey’s outer fence)"
        )
        rank = -np.abs(np.log(values / np.median(values))) if len(values) else values
        yield _Flagged(kind, odd(values, factor), rule, factor, values, rank, counted=True)

    far, limit = unlikeness(measures["tiny"], classes, seen.seed)
    few = None if np.isfinite(limit).any() else f"no class has {FEWEST} images"
    rule = (
        "at 8 x 8 pixels, it is far out (Tukey’s outer fence) in its distance to the third nearest image of the class"
    )
    if not class_count:
        rule = rule.removesuffix(" of the class")
    yield _Flagged(IssueKind.UNLIKE, far > limit, rule, None, far, limit - far, counted=True, reason=few)


def _issue(found: _Flagged, seen: Seen, effect: float) -> Issue:
    many, of = int(found.flags.sum()), len(found.flags)
    exact = found.counted or seen.about_set
    share = None if not of or found.reason else point(many / of) if exact else wilson(many / effect, of / effect)
    classes = Counter(
        name for place in np.flatnonzero(found.flags).tolist() if (name := seen.classes[place]) is not None
    )
    return Issue(
        kind=found.kind,
        images=many,
        share=share,
        rule=found.rule,
        limit=found.limit,
        classes=dict(classes.most_common()),
        examples=tuple(seen.ids[place] for place in _clearest(found)[:EXAMPLES]),
        reason=found.reason,
    )


def _clearest(found: _Flagged) -> Positions:
    places = np.flatnonzero(found.flags)
    return places if found.rank is None else places[np.argsort(found.rank[places], kind="stable")]


def _rows(found: _Flagged, seen: Seen) -> Iterator[IssueRow]:
    for place in np.flatnonzero(found.flags).tolist():
        twin = int(found.twins[place]) if found.twins is not None else -1
        yield IssueRow(
            seen.ids[place],
            seen.classes[place],
            seen.splits[place],
            found.kind,
            float(found.scores[place]) if found.scores is not None else None,
            seen.ids[twin] if twin >= 0 else None,
        )


def _twins(seen: Seen, repeats: Repeats) -> Iterator[Twins]:
    """Yield the groups of repeated images, exact ones first, the largest first."""
    for exact, flags, groups in ((True, repeats.exact, repeats.exact_group), (False, repeats.near, repeats.near_group)):
        places = np.flatnonzero(flags)
        ordered = places[np.argsort(groups[places], kind="stable")]
        starts = np.flatnonzero(np.diff(groups[ordered], prepend=-1))
        several = [each.tolist() for each in np.split(ordered, starts[1:])] if len(ordered) else []
        for members in sorted(several, key=len, reverse=True):
            shown = members[:_IN_GROUP]
            yield Twins(
                exact,
                len(members),
                *(tuple(column[each] for each in shown) for column in (seen.ids, seen.classes, seen.splits)),
            )


def _counts(seen: Seen) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for kind, split in zip(seen.classes, seen.splits, strict=True):
        if kind is not None:
            found.setdefault(kind, Counter())[split or ""] += 1
    return {kind: dict(each) for kind, each in sorted(found.items())}
