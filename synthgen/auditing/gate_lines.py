"""Gates as users write them: a line, or an entry of the spec."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Literal

from synthgen.auditing.gates import Gate
from synthgen.auditing.groups.group_lines import CONTRASTS, check_group_gate, group_measure, is_ratio
from synthgen.auditing.groups.joint import joint_name, parts_of, spelled, with_joint
from synthgen.errors import UsageError
from synthgen.spec import GateSpec as SpecGate

FORM = (
    "'ATTRIBUTE [within class | overall | between classes]: MEASURE <= LIMIT', "
    "such as 'skin_tone within class: tv <= 0.1'"
)
MEASURES = ("tv", "entropy", "min_max_ratio", "js", "unknown", "v")
_SHARE = re.compile(r"(?:share|prevalence) of (?P<value>.+)")
_LINE = re.compile(
    r"(?P<attribute>.+?)(?:\s+(?P<within>within class|between classes|within dataset|over ?all))?\s*:\s*"
    r"(?P<measure>.+?)\s*(?P<sign><=|>=|≤|≥)\s*(?P<limit>\S+)"
)


def parse_gate(text: str, attributes: Mapping[str, Sequence[str]]) -> Gate:
    """Read a line such as `skin_tone within class: tv <= 0.1`.

    `within class` is the default. `v`, which compares classes, is always overall. `over all` is another spelling of
    `overall`. A limit may be a percentage.

    Raises:
        UsageError: the line is not a valid gate, or names something that the audit lacks.
    """
    matched = _LINE.fullmatch(text.strip())
    if matched is None:
        raise UsageError(f"gate {text!r}: not understood", hint=f"Expected {FORM}; or of images 'dark <= 1%'.")

    attribute = matched["attribute"].strip()
    measure, value = _measure(text, matched["measure"])
    within: Literal["class", "dataset", "between"] = "between" if matched["within"] == "between classes" else "class"
    if measure == "v" and matched["within"] in ("within class", "between classes"):
        raise UsageError(f"gate {text!r}: 'v' compares the classes with each other", hint="Write 'overall'.")
    if measure == "v" or matched["within"] in ("within dataset", "over all", "overall"):
        within = "dataset"
    limit = limit_of(text, matched["limit"], is_ratio(measure))
    gate = Gate(attribute, within, measure, matched["sign"] in ("<=", "≤"), limit, value)
    return checked(gate, attributes)


def from_spec(gate: SpecGate, attributes: Mapping[str, Sequence[str]]) -> Gate:
    """Convert a gate of a spec.

    Raises:
        UsageError: the audit does not have the attribute.
    """
    return checked(Gate(gate.attribute, gate.within, "tv", True, gate.max_tv), attributes)


def checked(gate: Gate, attributes: Mapping[str, Sequence[str]]) -> Gate:
    """Return the gate if its attribute and value exist. Those of crossed attributes are written in one way.

    Raises:
        UsageError: the audit does not have the attribute or the value, or the measure is not one of such a place.
    """
    check_group_gate(gate)
    if (parts := parts_of(gate.attribute, attributes)) is not None:
        attributes = with_joint(attributes, [gate.attribute])
        gate = replace(gate, attribute=joint_name(parts))
        if gate.value is not None:
            gate = replace(gate, value=spelled(gate.value, attributes[gate.attribute]))
    if gate.attribute not in attributes:
        there = ", ".join(attributes) or "none"
        raise UsageError(
            f"gate '{gate}': there is no attribute {gate.attribute!r}", hint=f"The attributes are: {there}."
        )
    if gate.value is not None and gate.value not in attributes[gate.attribute]:
        there = ", ".join(attributes[gate.attribute])
        raise UsageError(f"gate '{gate}': {gate.attribute} has no value {gate.value!r}", hint=f"It has {there}.")
    return gate


def _measure(text: str, measure: str) -> tuple[str, str | None]:
    if measure in MEASURES:
        return measure, None
    if measure == "share of unknown":
        return "unknown", None
    if group := group_measure(measure):
        return group, None
    if share := _SHARE.fullmatch(measure):
        return "share", share["value"].strip()
    hint = (
        f"Expected one of {', '.join((*MEASURES, *CONTRASTS))}, or 'share of VALUE'; with `predictions` also 'error', "
        "'error difference' and the like."
    )
    raise UsageError(f"gate {text!r}: there is no measure {measure!r}", hint=hint)


def limit_of(text: str, limit: str, is_ratio: bool = False) -> float:
    """Read the limit of the gate `text`: a share such as 0.1 or 10%, or a ratio.

    Raises:
        UsageError: it is neither.
    """
    number, percent = limit.removesuffix("%"), limit.endswith("%")
    try:
        found = float(number) / (100 if percent else 1)
    except ValueError:
        found = -1.0
    if is_ratio and not 0 <= found < inf:
        raise UsageError(f"gate {text!r}: the limit {limit!r} is not a ratio", hint="Expected a number such as 0.8.")
    if not is_ratio and not 0 <= found <= 1:
        raise UsageError(f"gate {text!r}: the limit {limit!r} is not a share", hint="Expected 0 to 1, or 0% to 100%.")
    return found
