"""How two sets become one: one list of classes, one list of splits, one type for each column. Pure."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NoReturn

import pyarrow as pa

from synthgen.dataset.joining.side import BOXES_TYPE, SYNTHETIC, JoinedSide
from synthgen.errors import UsageError
from synthgen.sets.arrow_rows import plain
from synthgen.sets.own_boxes import OWN_BOXES
from synthgen.spec import alike, difference

TRAIN = "train"


def joined_classes(real: JoinedSide, synthetic: JoinedSide, *, unshared: bool) -> tuple[str, ...]:
    """Return the classes of both sets. Those of the real one keep their numbers, and the others follow.

    Args:
        unshared: allow classes that only one of the two has.

    Raises:
        UsageError: the two have different classes, or such that look alike, or one has numbers that nothing names.
    """
    for one, other in ((real, synthetic), (synthetic, real)):
        if one.bare and (other.bare or not {*one.classes} <= {*other.classes}):
            _refuse_numbers(one)
    more = tuple(name for name in synthetic.classes if name not in real.classes)
    classes = (*real.classes, *more)
    if (pair := alike(classes)) is not None:
        what = f"the class {pair[0]!r} of {real.title} and {pair[1]!r} of {synthetic.title} differ"
        hint = "If they are one class, write it in one way. If not, give one of them another name."
        raise UsageError(f"{what} {difference(*pair)}", hint=hint)
    if unshared:
        return classes
    for one, other in ((synthetic, real), (real, synthetic)):
        lacking = [name for name in dict.fromkeys(one.labels) if name not in other.classes]
        if lacking:
            near = get_close_matches(lacking[0], other.classes, n=1)
            meant = f"Is {lacking[0]!r} there called {near[0]!r}? " if near else ""
            what = f"{other.title} does not have {_listed(lacking)} of {one.title}"
            hint = f"{meant}`unshared_classes=True` keeps classes that only one of the two sets has."
            raise UsageError(what, argument="unshared_classes", hint=hint)
    return classes


def _refuse_numbers(side: JoinedSide) -> NoReturn:
    argument = "synthetic_label" if side.is_synthetic else "label"
    hint = (
        f"Give it a column `class` with the names. If the numbers are the names, or both sets give a number the same "
        f"meaning, name the column of numbers with `{argument}`."
    )
    what = f"{side.title} has numbers for classes and no names: classes of two sets are matched by name"
    raise UsageError(what, argument=argument, hint=hint)


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


def joined_columns(real: JoinedSide, synthetic: JoinedSide) -> pa.Schema:
    """Return the columns that either set brings along, each with a type that can hold what both have.

    Raises:
        UsageError: a column holds different kinds of values in the two sets.
    """
    fields = []
    for name in dict.fromkeys((*real.columns.names, *synthetic.columns.names)):
        if name == SYNTHETIC:
            _check_synthetic(real, synthetic)
            continue
        if name == OWN_BOXES:
            fields.append(pa.field(name, BOXES_TYPE))  # of both, they are converted
            continue
        there = [side.columns.field(name) for side in (real, synthetic) if name in side.columns.names]
        try:
            one = pa.unify_schemas([pa.schema([field]) for field in there], promote_options="permissive").field(0)
        except pa.ArrowException:
            what = f"column {name!r} holds {there[0].type} in {real.title}, and {there[1].type} in {synthetic.title}"
            raise _differing(name, what) from None
        fields.append(pa.field(name, plain(one.type)))
    return pa.schema(fields)


def _check_synthetic(*sides: JoinedSide) -> None:
    for side in sides:
        if SYNTHETIC in side.columns.names and not pa.types.is_boolean(side.columns.field(SYNTHETIC).type):
            raise _differing(SYNTHETIC, f"column {SYNTHETIC!r} of {side.title} does not hold true or false")


def _differing(name: str, what: str) -> UsageError:
    hint = f'`leave_out="{name}"` leaves it out; or give it another name in one of the sets.'
    return UsageError(what, argument="leave_out", hint=hint)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if names[5:] else "")
    return f"the class {shown}" if len(names) == 1 else f"the classes {shown}"
