"""Settings of a scheduler that a spec gives: whether its class has them, and of which type they are."""

import ast
from collections.abc import Iterator, Mapping

from synthgen.families.call import PipelineCall
from synthgen.families.signature import (
    NEEDED,
    Expression,
    annotations_of,
    arguments_of,
    is_read,
    source_of,
    texts_compared,
)
from synthgen.spec.messages import suggestion_or_all

KEY = "scheduler_config"
_MOST = 100_000
"""Of a whole number: schedulers make arrays of this length."""
_ONE_OF = ("use_beta_sigmas", "use_exponential_sigmas", "use_karras_sigmas")
_TYPES = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text", "None": "null"}


def setting_problems(
    call: PipelineCall, scheduler: str, own: Mapping[str, object], wanted: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    """Find out which settings a scheduler cannot have: the key of `model`, and why.

    Args:
        scheduler: its class.
        own: the settings of the model's scheduler, which those of the spec replace.
        wanted: those of the spec.
    """
    known = arguments_of(scheduler, "__init__") or {}
    for name, value in wanted.items():
        if name not in known:
            yield f"{KEY}.{name}", f"{scheduler} has no setting {name}{suggestion_or_all(name, known)}"
        elif not is_read(scheduler, name) and f"'{name}'" not in source_of(call.pipeline, "__call__"):
            yield f"{KEY}.{name}", f"{scheduler} ignores its setting {name}"
        elif why := _unfit(scheduler, name, known[name], value):
            yield f"{KEY}.{name}", why

    all_of_it = {**own, **wanted}
    spaced = [name for name in _ONE_OF if all_of_it.get(name) is True]
    if len(spaced) > 1 and (mine := next((name for name in spaced if name in wanted), None)):
        yield f"{KEY}.{mine}", f"only one of {' and '.join(spaced)} can be true"
    if wanted.get("use_dynamic_shifting") is True and "mu" not in _names(source_of(call.pipeline, "__call__")):
        yield f"{KEY}.use_dynamic_shifting", f"{call.pipeline} does not compute the shift that it needs"


def _unfit(scheduler: str, name: str, default: object, value: object) -> str | None:
    """Return why a setting cannot have a value; None if it can."""
    texts, kinds = _accepted(scheduler, name, default)
    if not kinds:
        return f"{scheduler} takes for {name} an array, which a spec cannot give"
    if isinstance(value, str) and texts and value not in texts:
        return f"expected {' or '.join(texts)} for {scheduler}, not {value}"
    kind = "None" if value is None else type(value).__name__
    if kind not in kinds and not (kind == "int" and "float" in kinds):
        wanted = " or ".join(_TYPES[one] for one in _TYPES if one in kinds - {"None"})
        return f"expected {wanted} for {scheduler}, not {value}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _out_of_bounds(default, value)
    return None


def _accepted(scheduler: str, name: str, default: object) -> tuple[tuple[str, ...], set[str]]:
    """Return the only texts that a setting takes, if these are few, and the names of the types that it takes."""
    texts, kinds = list[str](), set[str]()
    written = annotations_of(scheduler, "__init__").get(name, "")
    for part in ast.walk(ast.parse(written or "None", mode="eval")):
        match part:
            case ast.Constant(value=str(text)):
                texts.append(text)
                kinds.add("str")
            case ast.Constant(value=None) if written:
                kinds.add("None")
            case ast.Name(id=kind) if kind in _TYPES:
                kinds.add(kind)
            case ast.Name(id="list") | ast.Attribute():
                return (), set()  # arrays and lists
    if default is None:
        kinds.add("None")
    elif default is not NEEDED and not isinstance(default, Expression) and type(default).__name__ in _TYPES:
        kinds.add(type(default).__name__)
    return tuple(texts) or texts_compared(scheduler, name), kinds if kinds != {"None"} else set()


def _out_of_bounds(default: object, value: float) -> str | None:
    """Hold a number to the sign of its default, and to what an array may be long."""
    number = isinstance(default, int | float) and not isinstance(default, bool)
    if value <= 0 and (default is None or (number and default > 0)):  # type: ignore[operator] # it is a number
        return f"expected more than 0, not {value}"
    if value < 0 and default == 0:
        return f"expected at least 0, not {value}"
    return f"expected at most {_MOST:,}, not {value:,}" if value > _MOST else None


def _names(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
