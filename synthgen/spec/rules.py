"""What each variable of a prompt offers, and under which conditions: read from raw data, whether or not it is valid."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache

from synthgen.spec.bare import Data, mapping, texts_at
from synthgen.spec.choices import is_long
from synthgen.spec.place import Path

CLASS, SUFFIX = "class", "suffix"
"""The names that stand for the class, and for one of `prompts.suffix`."""
MOST_VALUES = 100_000
"""Values of one variable."""

When = Mapping[str, frozenset[str]]
"""By `class` or variable: the values of which it must have one."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A value or a template, how often it is drawn, and where."""

    text: str
    weight: float
    when: When


@dataclass(frozen=True, slots=True)
class VariableRule:
    """What a variable may be.

    Attributes:
        otherwise: the text where the conditions do not hold; None if then no prompt may have the variable.
        pick: how many different values are drawn; None for one, which is then no list.
    """

    name: str
    options: tuple[Offer, ...]
    when: When
    otherwise: str | None = None
    pick: int | None = None

    @property
    def names(self) -> set[str]:
        """The variables that its conditions name."""
        named = set(self.when).union(*(option.when for option in self.options if option.when))
        return named - {CLASS}


def rules_of(prompts: Data, own: Data) -> dict[str, VariableRule]:
    """Return the rules of a class: of the common variables, and of its own in their place."""
    variables = {**mapping(prompts, "variables"), **mapping(own, "variables")}
    rules = {name: rule_of(name, each) for name, each in variables.items()}
    if (suffix := prompts.get(SUFFIX)) is not None:
        texts = [suffix] if isinstance(suffix, str) else suffix
        rules[SUFFIX] = VariableRule(SUFFIX, tuple(options_of(texts)), {}, otherwise="")
    return rules


def rule_of(name: str, variable: object) -> VariableRule:
    """Read a variable in any of its forms."""
    if not (isinstance(variable, Mapping) and is_long(variable)):
        return VariableRule(name, tuple(options_of(variable)), {})
    options = (
        tuple(Offer(text, 1.0, {}) for text in range_of(variable))
        if variable.get("range") is not None
        else tuple(options_of(variable.get("values")))
    )
    otherwise = variable.get("otherwise")
    return VariableRule(
        name,
        options,
        when_of(variable.get("when")),
        otherwise if isinstance(otherwise, str) else None,
        pick_of(variable),
    )


def pick_of(variable: object) -> int | None:
    """Return how many different values of a variable are drawn; None for one, which is then no list."""
    pick = variable.get("pick") if isinstance(variable, Mapping) and is_long(variable) else None
    return pick if type(pick) is int and pick > 1 else None


def options_of(choices: object) -> Iterator[Offer]:
    """Yield the entries of a list, or of a mapping of text to weight or to `{weight, when}`."""
    if not isinstance(choices, Mapping):
        yield from (Offer(text, 1.0, {}) for _, text in texts_at((), choices))
        return
    for text, each in choices.items():
        weight = each.get("weight", 1.0) if isinstance(each, Mapping) else each
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool) and weight > 0
        when = when_of(each.get("when")) if isinstance(each, Mapping) else {}
        yield Offer(text, float(weight) if is_number else 1.0, when)


def when_of(conditions: object) -> When:
    if not isinstance(conditions, Mapping):
        return {}
    return {name: frozenset(texts_of(values)) for name, values in conditions.items()}


def texts_of(values: object) -> list[str]:
    return [values] if isinstance(values, str) else [text for _, text in texts_at((), values)]


def values_at(path: Path, variable: object) -> Iterator[tuple[Path, str]]:
    """Yield the values of a variable in any of its forms, each with its place."""
    if not (isinstance(variable, Mapping) and is_long(variable)):
        yield from texts_at(path, variable)
    elif variable.get("range") is not None:
        yield from (((*path, "range"), text) for text in range_of(variable))
    else:
        yield from texts_at((*path, "values"), variable.get("values"))


def all_values(variable: object) -> list[str]:
    """Return everything that may stand for a variable, with what stands where its conditions do not hold."""
    otherwise = variable.get("otherwise") if isinstance(variable, Mapping) and is_long(variable) else None
    return [text for _, text in values_at((), variable)] + ([otherwise] if isinstance(otherwise, str) else [])


def is_open(variable: object) -> bool:
    """Whether a file has yet to be read before the values of a variable are known."""
    return (
        isinstance(variable, Mapping)
        and is_long(variable)
        and isinstance(variable.get("file"), str)
        and variable.get("values") is None
    )


def range_of(variable: Data) -> list[str]:
    """Write the numbers of a range. Empty if it cannot be one: see `range_complaint`."""
    ends, step, decimals = variable.get("range"), variable.get("step"), variable.get("decimals")
    if not isinstance(ends, list | tuple) or range_complaint(variable) is not None:
        return []
    return list(_numbers(str(ends[0]), str(ends[1]), str(step) if step is not None else None, decimals))


def range_complaint(variable: Data) -> str | None:
    """Say why a range has no numbers. What is no number at all is reported elsewhere."""
    ends, step, decimals = variable.get("range"), variable.get("step"), variable.get("decimals")
    if not isinstance(ends, list | tuple) or len(ends) != 2 or not all(map(_is_number, ends)):
        return ""
    if (step is not None and not (_is_number(step) and step > 0)) or (  # type: ignore[operator]
        decimals is not None and not (type(decimals) is int and 0 <= decimals <= 9)
    ):
        return ""

    first, last = (Decimal(str(end)) for end in ends)
    if first > last:
        return f"expected the smaller number first, found [{ends[0]}, {ends[1]}]"
    if step is None and decimals is None and any(end != int(end) for end in ends):
        return "a range of fractions needs 'step' or 'decimals'"
    stride = _stride(str(step) if step is not None else None, decimals if type(decimals) is int else None)
    if decimals is not None and any(each != round(each, decimals) for each in (first, stride)):
        return f"its numbers have more than {decimals} decimals"
    if (last - first) / stride >= MOST_VALUES:
        return f"it has more than {MOST_VALUES:,} numbers; expected a larger 'step'"
    return None


@lru_cache(maxsize=256)
def _numbers(first: str, last: str, step: str | None, decimals: int | None) -> tuple[str, ...]:
    begin, stride = Decimal(first), _stride(step, decimals)
    count = int(((Decimal(last) - begin) / stride).to_integral_value(ROUND_FLOOR)) + 1
    digits = decimals if decimals is not None else max(map(_digits, (begin, stride)))
    return tuple(f"{begin + index * stride:.{digits}f}" for index in range(count))


def _stride(step: str | None, decimals: int | None) -> Decimal:
    return Decimal(step) if step is not None else Decimal(1).scaleb(-(decimals or 0))


def _digits(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
