"""Joint attributes: the combinations of several attributes' values, measured like a single attribute."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from synthgen.errors import UsageError
from synthgen.spec import ASIDE, UNKNOWN, crossed_parts

if TYPE_CHECKING:
    import pandas as pd

    from synthgen.auditing.table import Answers, Table
    from synthgen.stats.distance import Reference, Target

MOST_CELLS = 500
"""Combinations times places: a joint attribute with more takes long, and is measured only if a gate limits it."""
_AND = ", "


def parts_of(name: str, attributes: Collection[str]) -> tuple[str, ...] | None:
    """Split a name such as `gender x skin_tone` into attributes. None if it is an attribute, or not such a name.

    Raises:
        UsageError: an attribute is listed twice, does not exist, or is the class.
    """
    parts = crossed_parts(name)
    if name in attributes or len(parts) < 2:
        return None
    there = f"The attributes are: {', '.join(attributes) or 'none'}."
    for part in parts:
        if part == "class":
            raise UsageError(f"{name}: the class cannot be a part", hint="Write 'within class'.")
        if part not in attributes:
            raise UsageError(f"{name}: there is no attribute {part!r}", hint=there)
    if len(set(parts)) < len(parts):
        raise UsageError(f"{name}: an attribute is listed twice", hint="Name each once.")
    return parts


def joint_name(parts: Sequence[str]) -> str:
    return " x ".join(parts)


def joint_value(values: Sequence[str]) -> str:
    return _AND.join(values)


def spelled(value: str, values: Sequence[str]) -> str:
    """Return the joint value that is written as `value`, which may lack blanks after its commas."""
    bare = {_AND.join(part.strip() for part in each.split(",")): each for each in values}
    return bare.get(_AND.join(part.strip() for part in value.split(",")), value)


def with_joint(attributes: Mapping[str, Sequence[str]], names: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Add the values of joint attributes to those of attributes.

    Raises:
        UsageError: as `parts_of`, or two combinations of values would have the same name.
    """
    found = {name: tuple(values) for name, values in attributes.items()}
    for name in names:
        if (parts := parts_of(name, attributes)) is not None:
            values = tuple(map(joint_value, product(*(attributes[part] for part in parts))))
            if len(set(values)) < len(values):
                raise UsageError(f"{name}: two combinations of values have the same name", hint="Rename a value.")
            found[joint_name(parts)] = values
    return found


def join(table: Table, names: Collection[str]) -> Table:
    """Add joint attributes to a table. An image has a joint value if it has a value for every part."""
    import numpy as np

    joined = dict(table.attributes)
    for name in names:
        parts = parts_of(name, table.attributes)
        assert parts is not None, "checked when its gate or crossing was read"
        each = [table.attributes[part] for part in parts]
        values = tuple(map(joint_value, product(*(part.values for part in each))))
        codes = np.zeros(len(table), dtype=np.int64)
        aside, unknown = np.zeros(len(table), dtype=bool), np.zeros(len(table), dtype=bool)
        for part in each:
            codes = codes * len(part.values) + np.minimum(part.codes, len(part.values) - 1)
            aside |= part.codes == len(part.values) + ASIDE.index("not applicable")
            unknown |= part.codes == len(part.values) + ASIDE.index(UNKNOWN)
        codes[unknown] = len(values) + ASIDE.index(UNKNOWN)
        codes[aside] = len(values) + ASIDE.index("not applicable")  # whatever else the image shows
        joined[name] = _answers(name, values, codes.astype(np.int32))
    return replace(table, attributes=joined)


def _answers(name: str, values: tuple[str, ...], codes: object) -> Answers:
    from synthgen.auditing.table import Answers

    return Answers(name, values, codes)  # type: ignore[arg-type]


def joint_reference(name: str, table: Table, references: Mapping[str, Reference]) -> Reference | None:
    """Return the target of a joint attribute: its own, or else the product of its parts'. None if a part has none.

    `balance` fills cells in the product's shares, up to whole images.
    """
    from synthgen.stats.distance import Reference

    parts = parts_of(name, table.attributes.keys() - {name}) or ()
    if name in references or any(part not in references for part in parts):
        return references.get(name)
    own = [references[part] for part in parts]
    values = [table.attributes[part].values for part in parts]
    classes = {kind for each in own for kind in each.classes}
    by_class = {
        kind: _product(targets, values)
        for kind in sorted(classes)
        if None not in (targets := [each.of(kind) for each in own])
    }
    return Reference("the product of the targets", _product([each.overall for each in own], values), by_class)


def _product(targets: Sequence[Target | None], values: Sequence[Sequence[str]]) -> Target:
    from synthgen.stats.distance import Target

    known = [target for target in targets if target is not None]
    shares = {
        joint_value(each): prod(target.shares.get(value, 0.0) for target, value in zip(known, each, strict=True))
        for each in product(*values)
    }
    images = [target.images for target in known if target.images is not None]
    return Target(shares, min(images, default=None))


def joint_labels(labels: pd.DataFrame, table: Table, names: Collection[str], known: Collection[str]) -> pd.DataFrame:
    """Add joint columns to a table of labels; those of attributes that are known are taken from the table.

    A joint attribute of which a judged part has no labels gets no column.
    """
    import numpy as np
    import pandas as pd

    found = labels.copy()
    for name in names:
        parts = parts_of(name, table.attributes.keys() - {name}) or ()
        if table.ids is None or any(part not in labels.columns and part not in known for part in parts):
            continue
        rows = table.ids.get_indexer(pd.Index(labels["id"]))
        columns = []
        for part in parts:
            if part in known:
                answers = np.array([*table.attributes[part].answers, None], dtype=object)
                columns.append(answers[np.where(rows < 0, -1, table.attributes[part].codes[rows])])
            else:
                columns.append(labels[part].to_numpy(dtype=object))
        found[name] = [_joined(each) for each in zip(*columns, strict=True)]
    return found


def _joined(parts: Sequence[object]) -> str | None:
    import pandas as pd

    if any(pd.isna(part) for part in parts):  # type: ignore[call-overload] # each part is a text or missing
        return None
    for aside in ASIDE:  # not applicable first
        if aside in parts:
            return aside
    return joint_value([str(part) for part in parts])


def joint_names(
    asked: Collection[str], gated: Collection[str], attributes: Mapping[str, Sequence[str]], classes: int
) -> tuple[str, ...]:
    """Return the joint attributes to measure: those of gates, and those asked for that have not too many cells.

    Args:
        gated: names of attributes, joint or not, that a gate limits or that have a target of their own.
    """
    named = {name: joint_name(parts) for name in (*gated, *asked) if (parts := parts_of(name, attributes)) is not None}
    limited = {named[name] for name in gated if name in named}
    values = with_joint(attributes, named)
    return tuple(
        name
        for name in dict.fromkeys(named.values())
        if name in limited or len(values[name]) * (classes + 1) <= MOST_CELLS
    )


def not_joined(asked: Collection[str], joints: Collection[str]) -> Iterator[str]:
    """Name the joint attributes that were asked for and have too many cells."""
    for name in dict.fromkeys(asked):
        if name not in joints:
            yield f"{name}: too many combinations to measure their distance unasked; a gate on them has it measured"
