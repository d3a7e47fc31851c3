"""How the images of a spec are divided into splits: what can be said of it before any is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from synthgen.errors import UsageError
from synthgen.planning import Plan
from synthgen.spec import Output, Spec, Violation, size_in_words, spaces_of

if TYPE_CHECKING:
    from synthgen.dataset.select import SplitRules

HINT = "Write more templates or values, fewer splits, or leave output.together out."


def split_sizes(spec: Spec) -> dict[str, dict[str, int]]:
    """Return how many images of each class every split gets, if every quota is met."""
    from synthgen.dataset.splits import split_counts

    counts = split_counts([kind.count for kind in spec.classes.values()], spec.output.splits)
    return dict(zip(spec.classes, counts, strict=True))


def split_warnings(splits: Mapping[str, Mapping[str, int]], spec: Spec) -> list[str]:
    """Name the splits that will be empty, or will lack classes."""
    found = []
    for split, size in spec.output.splits.items():
        without = [name for name, counts in splits.items() if not counts[split]]
        if len(without) == len(splits):
            why = f"{spec.total:,} images are too few for {size_in_words(size)}"
            found.append(f"the split {split!r} will be empty: {why}")
        elif without:
            number = f"{len(without):,} of {len(splits):,} classes"
            found.append(f"the split {split!r} will lack {number}, such as {without[0]!r}: too few images of them")
    sides = len(spec.output.splits)
    for relation in spec.output.together:
        few = {name: each for name in spec.classes if (each := len(_groups(spec, relation, name))) < sides}
        if few:
            name = min(few, key=lambda name: few[name])
            more = f" (and {len(few) - 1:,} more)" if len(few) > 1 else ""
            why = f"it has {few[name]:,} of what output.together keeps in one split, {relation}s, for {sides} splits"
            found.append(f"some split will lack {name!r}{more}: {why}")
    return found


def undividable(spec: Spec) -> Iterator[Violation]:
    """Yield why splits would have no images: what is kept together makes fewer groups than there are splits."""
    sides = len(spec.output.splits)
    for place, relation in enumerate(spec.output.together):
        groups = set[str]()
        for name in spec.classes:
            groups |= _groups(spec, relation, name)
            if len(groups) >= sides:
                break
        else:
            what = f"the spec has {len(groups)} {relation}{'s' if len(groups) != 1 else ''} for {sides} splits"
            yield Violation(("output", "together", place), f"a split would have no images: {what}")


def empty_splits(spec: Spec) -> Iterator[tuple[Violation, str]]:
    """Yield the splits that the spec names and that would have no images, by rounding; and what to do about each."""
    splits = spec.output.splits
    if splits == Output().splits or spec.total < len(splits):
        return  # nobody asked for the default ones, and a spec made very small has fewer
    counts = split_sizes(spec).values()
    for split, size in splits.items():
        if not sum(each[split] for each in counts):
            what = f"the split would have no images: {spec.total:,} images are too few for {size_in_words(size)}"
            one = f"a share of at least {1 / spec.total:.2g}, which is one image"
            yield Violation(("output", "splits", split), what), f"Give it {one}, ask for more images, or leave it out."


def rules_of_splits(planned: Plan) -> SplitRules:
    """Return how a plan's images are divided."""
    from synthgen.dataset.select import SplitRules

    output, sources = planned.spec.output, planned.sources
    return SplitRules(
        sizes=output.splits,
        near=None if output.near == "off" else output.near,
        together=output.together,
        against=output.against,
        groups={row.id: row.group for row in sources.rows.all} if sources else {},
    )


def check_dividing(spec: Spec) -> None:
    """Check that every split can have images.

    Raises:
        UsageError: one cannot.
    """
    for empty, hint in empty_splits(spec):
        raise UsageError(f"{'.'.join(map(str, empty.path))}: {empty.message}", hint=hint)
    for finding in undividable(spec):
        raise UsageError(f"{'.'.join(map(str, finding.path))}: {finding.message}", hint=HINT)


def _groups(spec: Spec, relation: str, class_name: str) -> set[str]:
    """Name the groups that a class is divided into, as many as splits can be; prompts count by their number."""
    spaces = spaces_of(spec, class_name, {})
    if relation == "template":
        return {space.text for space in spaces}
    sides, found = len(spec.output.splits), set[str]()
    for space in spaces:
        if space.template.columns:  # the prompt of each picture is another one
            found |= {f"{space.text} {number}" for number in range(sides)}
            continue
        numbered = (space.numbered(number) for number in range(min(space.count(), sides)))
        found |= {space.template.render({"class": class_name, **each}, closes_gaps=True) for each in numbered}
    return found
