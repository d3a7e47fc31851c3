"""A smaller spec, to try a large one."""

from fractions import Fraction

from synthgen.errors import UsageError
from synthgen.spec.spec import Spec


def smaller(spec: Spec, limit: int | None = None, scale: float | None = None) -> Spec:
    """Ask for fewer images of each class, and of splits with a number of images; leave everything else as it is.

    Args:
        limit: the most images in all. Each class keeps its share of them, rounded, and at least one.
        scale: the share of each class's images, rounded up. 0..1, 0 excluded

    Raises:
        UsageError: both are given, one is out of its range, or `limit` is below the number of classes.

    Example:
        >>> spec = synthgen.load_spec("specs/quickstart.yaml")
        >>> smaller(spec, limit=3).total, smaller(spec, scale=0.5).total
        (3, 4)
    """
    if limit is not None and scale is not None:
        raise UsageError("use either `limit` or `scale`, not both")
    counts = {name: kind.count for name, kind in spec.classes.items()}
    if limit is not None:
        if limit < len(counts):
            what = f"expected at least {len(counts)}, one image for each class, found {limit}"
            raise UsageError(what, argument="limit")
        counts = _limited(counts, limit)
    if scale is not None:
        if not 0 < scale <= 1:
            raise UsageError(f"expected more than 0 and at most 1, found {scale:g}", argument="scale")
        share = Fraction(str(scale))
        counts = {name: -(-count * share.numerator // share.denominator) for name, count in counts.items()}
    classes = {name: kind.model_copy(update={"count": counts[name]}) for name, kind in spec.classes.items()}
    if classes == spec.classes:
        return spec
    share = Fraction(sum(counts.values()), spec.total)
    splits = {
        name: max(2, round(size * share)) if isinstance(size, int) else size
        for name, size in spec.output.splits.items()
    }
    output = spec.output.model_copy(update={"splits": splits})
    return spec.model_copy(update={"classes": classes, "output": output})


def _limited(counts: dict[str, int], limit: int) -> dict[str, int]:
    """Share out `limit` images by the largest remainders; a class whose share is below one image gets one."""
    if sum(counts.values()) <= limit:
        return counts
    larger = dict(counts)
    while True:
        places, total = limit - len(counts) + len(larger), sum(larger.values())
        small = [name for name, count in larger.items() if places * count < total]
        if not small:
            break
        for name in small:
            del larger[name]

    exact = {name: Fraction(places * count, total) for name, count in larger.items()}
    found = {name: int(exact[name]) if name in exact else 1 for name in counts}
    by_remainder = sorted(larger, key=lambda name: (int(exact[name]) - exact[name], counts[name]))
    for name in by_remainder[: limit - sum(found.values())]:
        found[name] += 1
    return found
