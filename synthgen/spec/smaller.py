"""A smaller spec, to try a large one."""

from collections.abc import Mapping
from fractions import Fraction

from synthgen.errors import UsageError
from synthgen.spec.spec import Spec
from synthgen.spec.splits import REST, Splits, SplitSize


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
        if limit < spec.total:
            counts = limited(counts, limit)
    if scale is not None:
        if not 0 < scale <= 1:
            raise UsageError(f"expected more than 0 and at most 1, found {scale:g}", argument="scale")
        share = Fraction(str(scale))
        counts = {name: -(-count * share.numerator // share.denominator) for name, count in counts.items()}
    classes = {name: kind.model_copy(update={"count": counts[name]}) for name, kind in spec.classes.items()}
    if classes == spec.classes:
        return spec
    splits = _splits(spec.output.splits, spec.total, sum(counts.values()))
    output = spec.output.model_copy(update={"splits": splits})
    return spec.model_copy(update={"classes": classes, "output": output})


def _splits(splits: Splits, before: int, total: int) -> dict[str, SplitSize]:
    """Give each split with a number of images its part of `total`; the rest stays, and so do shares.

    A share of less than one image becomes one image, if there are enough, and the other splits get numbers, too. A
    split of one image has the rest or, where another one has it, its share of all: the number 1 would mean all.
    """
    shares = [size for size in splits.values() if isinstance(size, float)]
    too_small = total >= len(splits) and any(Fraction(str(share)) * total < 1 for share in shares)
    if not too_small and not any(isinstance(size, int) for size in splits.values()):
        return dict(splits)
    asked = {
        name: Fraction(size) if isinstance(size, int) else Fraction(str(size)) * before
        for name, size in splits.items()
        if size != REST
    }
    for name in splits.keys() - asked.keys():
        asked[name] = max(before - sum(asked.values(), Fraction(0)), Fraction(0))
    if total < len(splits):
        return {name: size if size == REST else float(asked[name] / before) for name, size in splits.items()}

    found, has_rest = dict(splits), REST in splits.values()
    for name, count in limited(asked, total).items():
        if splits[name] == REST or not (too_small or isinstance(splits[name], int)):
            continue
        if count > 1:
            found[name] = count
        else:
            found[name] = float(Fraction(1, total)) if has_rest else REST
            has_rest = True
    return found


def limited(counts: Mapping[str, int | Fraction], limit: int) -> dict[str, int]:
    """Share out `limit` images by the largest remainders; whatever gets less than one image gets one."""
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
