"""How two sets become one: one list of classes, one list of splits, one type for each column. Pure."""

from collections.abc import Sequence
from difflib import get_close_matches

import pyarrow as pa

from synthgen.dataset.joining.side import BOXES_TYPE, SYNTHETIC, JoinedSide
from synthgen.sets.arrow_rows import plain
from synthgen.sets.complaints import Complaints
from synthgen.sets.own_boxes import OWN_BOXES
from synthgen.spec import difference, folded

TRAIN = "train"
_NAMED = 20


def joined_classes(
    real: JoinedSide, synthetic: JoinedSide, complaints: Complaints, *, unshared: bool
) -> tuple[str, ...]:
    """Return the classes of both sets. Those of the real one keep their numbers, and the others follow.

    Args:
        complaints: hear that the two have different classes, or such that look alike, or one has numbers that nothing
            names.
        unshared: allow classes that only one of the two has.
    """
    more = tuple(name for name in synthetic.classes if name not in real.classes)
    classes = (*real.classes, *more)
    sides = ((real, synthetic), (synthetic, real))
    if bare := [one for one, other in sides if one.bare and (other.bare or not {*one.classes} <= {*other.classes})]:
        for one in bare:
            _complain_of_numbers(one, complaints)
        return classes

    seen: dict[str, str] = {}
    twins = [(first, name) for name in classes if (first := seen.setdefault(folded(name), name)) != name]
    for first, name in twins:
        what = f"the class {first!r} of {real.title} and {name!r} of {synthetic.title} differ {difference(first, name)}"
        complaints.add(what, "If they are one class, write it in one way. If not, give one of them another name.")
    if unshared:
        return classes

    told = {name for pair in twins for name in pair}
    for one, other in sides[::-1]:
        lacking = [name for name in dict.fromkeys(one.labels) if name not in {*other.classes, *told}]
        if lacking:
            near = ((name, get_close_matches(name, other.classes, n=1)) for name in lacking)
            name, close = next(((name, close[0]) for name, close in near if close), ("", ""))
            complaints.add(
                f"{other.title} does not have {_listed(lacking)} of {one.title}",
                f"Is {name!r} there called {close!r}?" if close else None,
                "`unshared_classes=True` keeps classes that only one of the two sets has.",
            )
    return classes


def _complain_of_numbers(side: JoinedSide, complaints: Complaints) -> None:
    argument = "synthetic_label" if side.is_synthetic else "label"
    complaints.add(
        f"{side.title} has numbers for classes and no names: classes of two sets are matched by name",
        "Give it a column `class` with the names. If the numbers are the names, or both sets give a number the same "
        f"meaning, name the column of numbers with `{argument}`.",
    )


def joined_splits(real: JoinedSide, synthetic: JoinedSide, *, keep: bool) -> tuple[tuple[str, ...], list[str]]:
    """Return the names of all splits, and the split of every row: those of the real set, then the others.

    Synthetic images go to the real set's split for training, whatever theirs was.

    Args:
        keep: leave synthetic images in the split that they are in.
    """
    train = train_split(real.splits)
    if not keep:
        moved = [train] * len(synthetic.splits)
    else:
        own = train_split(synthetic.splits)
        moved = [train if split == own else split for split in synthetic.splits]
    names = dict.fromkeys((train, *real.splits, *moved))
    return tuple(names), [*real.splits, *moved]


def train_split(splits: Sequence[str]) -> str:
    """Find the name of the split for training; "train" if there is none."""
    return next((name for name in dict.fromkeys(splits) if name.casefold().startswith(TRAIN)), TRAIN)


def joined_columns(real: JoinedSide, synthetic: JoinedSide, complaints: Complaints) -> pa.Schema:
    """Return the columns that either set brings along, each with a type that can hold what both have.

    Args:
        complaints: hear of columns that hold different kinds of values in the two sets, which are left out.
    """
    fields, clashing = [], []
    for name in dict.fromkeys((*real.columns.names, *synthetic.columns.names)):
        if name == OWN_BOXES:
            fields.append(pa.field(name, BOXES_TYPE))  # of both, they are converted
            continue
        there = [side.columns.field(name) for side in (real, synthetic) if name in side.columns.names]
        if name == SYNTHETIC:
            wrong = [
                f"column {name!r} of {side.title} does not hold true or false" for side in _untrue(real, synthetic)
            ]
            clashing += [(name, what) for what in wrong]
            continue
        try:
            one = pa.unify_schemas([pa.schema([field]) for field in there], promote_options="permissive").field(0)
            fields.append(pa.field(name, plain(one.type)))
        except pa.ArrowException:
            what = f"column {name!r} holds {there[0].type} in {real.title}, and {there[1].type} in {synthetic.title}"
            clashing.append((name, what))

    names = list(dict.fromkeys(name for name, _ in clashing))
    it, other = ("it", "another name") if len(names) == 1 else ("them", "other names")
    hint = f"`leave_out={names!r}` leaves {it} out; or give {it} {other} in one of the sets."
    for _, what in clashing:
        complaints.add(what, hint)
    return pa.schema(fields)


def _untrue(*sides: JoinedSide) -> list[JoinedSide]:
    """Return the sets whose column of origins holds something else."""
    there = [side for side in sides if SYNTHETIC in side.columns.names]
    return [side for side in there if not pa.types.is_boolean(side.columns.field(SYNTHETIC).type)]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if names[_NAMED:] else ""
    return f"the {'class' if len(names) == 1 else 'classes'} {', '.join(map(repr, names[:_NAMED]))}{more}"
