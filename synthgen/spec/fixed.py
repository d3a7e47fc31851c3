"""The settings of a model that some images share: of each choice, the value that these images drew."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING

from synthgen.spec.model import ModelSpec
from synthgen.spec.sampling import sides_of

SettingValues = Mapping[str, str | int | float]
"""By key of `model`: the value that an image drew."""
CHOSEN = ("steps", "guidance", "scheduler", "size", "strength")
"""The keys of `model` that may be choices."""
_NONE_DRAWN: SettingValues = {}
_NAMED = 4


class FixedModel(ModelSpec):
    """A model's settings without any choice. A size is a side, or else width and height."""

    if TYPE_CHECKING:
        steps: int
        guidance: float
        scheduler: str | None
        size: int | None
        strength: float | None


def choices_of(model: ModelSpec) -> dict[str, dict[str | int | float, float]]:
    """Return the keys that are choices, each with its values and their weights."""
    return {key: dict(value) for key in CHOSEN if isinstance(value := getattr(model, key), Mapping)}


def fixed(model: ModelSpec, drawn: SettingValues = _NONE_DRAWN) -> FixedModel:
    """Return the settings of an image.

    Args:
        drawn: the value of each choice; of one that is not among them, the first counts.
    """
    values = dict(model)
    for key, weights in choices_of(model).items():
        values[key] = drawn.get(key, next(iter(weights)))
    if isinstance(values["size"], str):
        values["width"], values["height"] = sides_of(values["size"])
        values["size"] = None
    return FixedModel.model_construct(_fields_set=set(model.model_fields_set), **values)


def each_of(model: ModelSpec, key: str) -> Iterator[FixedModel]:
    """Yield the settings with each value of one choice, and the first value of all others."""
    for value in choices_of(model)[key]:
        yield fixed(model, {key: value})


def variants_of(model: ModelSpec) -> Iterator[FixedModel]:
    """Yield settings that together have every value of every choice."""
    yield fixed(model)
    for key in choices_of(model):
        yield from each_of(model, key)


def sizes_of(model: ModelSpec) -> dict[tuple[int, int], float]:
    """Return the sizes that images may have, as width and height, each with its share; none for the model's own."""
    if isinstance(model.size, Mapping):
        whole = sum(model.size.values())
        return {sides_of(size): weight / whole for size, weight in model.size.items()}
    wide, high = sides_of(model.size) if model.size is not None else (model.width, model.height)
    return {(wide, high): 1.0} if wide and high else {}


def mean_steps(model: ModelSpec) -> int | float:
    """Return the expected number of steps of an image: with a strength, of those that it leaves."""
    mean = float(_mean(model.steps) * (1 if model.strength is None else _mean(model.strength)))
    return int(mean) if mean.is_integer() else mean


def _mean(value: float | Mapping[int, float] | Mapping[float, float]) -> Fraction:
    if not isinstance(value, Mapping):
        return Fraction(value)
    pairs = [(Fraction(one), Fraction(weight)) for one, weight in value.items()]
    return sum((one * weight for one, weight in pairs), Fraction()) / sum(weight for _, weight in pairs)


def combinations(model: ModelSpec) -> int:
    """Count the settings that images may draw."""
    return prod(len(weights) for weights in choices_of(model).values())


def in_words(model: ModelSpec, key: str) -> str:
    """Put a setting into words: its value, or those of a choice.

    Example:
        >>> in_words(ModelSpec(id="bundled:workers", steps={10: 1, 20: 3}), "steps")
        '10 (25 %) or 20 (75 %)'
    """
    weights = choices_of(model).get(key)
    if weights is None:
        return _plain(getattr(model, key))
    whole, values = sum(weights.values()), list(weights)
    if len(set(weights.values())) > 1:
        shares = [f"{_plain(value)} ({weight / whole:.0%})".replace("%", " %") for value, weight in weights.items()]
        return _joined(shares)
    if len(values) > _NAMED and all(isinstance(value, int | float) for value in values) and key != "size":
        numbers = [value for value in values if isinstance(value, int | float)]
        return f"{_plain(min(numbers))} to {_plain(max(numbers))} ({len(values)} values)"
    return _joined([_plain(value) for value in values])


def on_one_line(drawn: SettingValues) -> str:
    """Write what an image drew.

    Example:
        >>> on_one_line({"steps": 10, "guidance": 1.5})
        'steps 10, guidance 1.5'
    """
    return ", ".join(f"{key} {_plain(value)}" for key, value in drawn.items())


def _joined(texts: list[str]) -> str:
    if len(texts) > 2 * _NAMED:
        texts = [*texts[:_NAMED], f"{len(texts) - _NAMED} more"]
    return " or ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else texts[0]


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
