"""pydantic's errors -> problems in plain words, with their place in the document."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from itertools import islice
from typing import get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from synthgen.errors import Problem
from synthgen.spec import document
from synthgen.spec.document import Node, Scalar
from synthgen.spec.fields import EXPECTED, LIST_OR_WEIGHTS
from synthgen.spec.filters import NOT_FINITE
from synthgen.spec.place import KEY, Place, found, locate, prefixed, quoted
from synthgen.spec.sampling import NumberRange
from synthgen.spec.spec import Spec
from synthgen.spec.splits import NO_SIZE, SIZE

_MOST_COMPARED, _MOST_LISTED = 200, 50
"""Names."""
_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "tuple_type": "a list",
}
_EXAMPLES: Mapping[tuple[str | int, ...], str] = {
    ("model",): " such as {id: 'bundled:workers'}",
    ("classes",): " such as {doctor: 100}",
    ("prompts",): " such as {templates: ['a {class}']}",
}
_FORMS: Mapping[tuple[str | int, ...], str] = {
    ("filters", "label", "min_posterior"): "a number from 0 to 1, 'chance', or a number for each class",
    ("model", "quantization"): "a method such as 'torchao-int8', or {method: ..., parts: [...]}",
    ("model", "cache"): "a method such as 'taylorseer', or {method: ...} with its settings",
    ("model", "compile"): "auto, off, regional, full or openvino",
    ("output", "marks"): "true, false, or a mapping such as {prompt: false}",
    ("output", "c2pa"): "true, false, or a mapping such as {mining: {data_mining: notAllowed}}",
    ("balance", "target"): "'uniform', shares such as {light: 0.5, dark: 0.5}, or {from: FILE}",
    ("counts",): "{from: FILE}",
}
"""Keys with several forms: pydantic's error mentions only the form that it tried."""
_SPLITS = ("output", "splits")
_RANGES = (("model", "steps"), ("model", "guidance"), ("model", "strength"))
"""Keys that may be a range of numbers."""
_BOUNDS = {
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "more than {gt:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "less than {lt:g}",
    "multiple_of": "a multiple of {multiple_of}",
    "string_too_long": "at most {max_length} characters",
    "too_short": "{min_length} or more entries",
    "too_long": "at most {max_length} entries",
    "literal_error": "{expected}",
}


def problems_of(error: ValidationError, root: Node) -> Iterator[Problem]:
    """Report one problem per place; the alternatives of a union are joined by "or"."""
    expected: dict[tuple[tuple[object, ...], bool], list[ErrorDetails]] = {}
    within = set[tuple[object, ...]]()
    for detail in error.errors(include_url=False, include_input=False):
        place = locate(root, detail["loc"])
        inner = detail["type"] == "missing" or detail["loc"][-1] == KEY
        within |= {place.path[:end] for end in range(len(place.path) + inner)}
        if place.node.bad or detail["type"] == NOT_FINITE:  # the reader has reported the number itself
            continue
        if detail["type"] == "too_short" and _has_as_many(place.node, detail["ctx"]["min_length"]):
            continue  # what is wrong with its entries is reported
        if detail["type"] == "missing" and isinstance(last := detail["loc"][-1], int):
            yield place.problem(f"missing entry {last + 1} of the list, found {found(place.node)}")
        elif detail["type"] == "missing":
            yield place.problem(f"missing key {detail['loc'][-1]!r}", at_key=True)
        elif detail["type"] == "extra_forbidden":
            yield _unknown_key(root, detail)
        elif detail["type"] != "default_factory_not_called":
            expected.setdefault((place.path, detail["loc"][-1] == KEY), []).append(detail)
    for (path, is_key), details in expected.items():
        if not is_key and _is_of_another_form(path, details, within):
            continue
        place = locate(root, details[0]["loc"])
        yield _key_problem(place, details) if is_key else _value_problem(place, details)


def _is_of_another_form(
    path: tuple[object, ...], details: list[ErrorDetails], within: Collection[tuple[object, ...]]
) -> bool:
    """Whether a value has one of several forms, and something is wrong within: it lacks the others, of course."""
    return path in within and all(detail["type"] in _KINDS or detail["type"] == "literal_error" for detail in details)


def _has_as_many(node: Node, entries: int) -> bool:
    """Whether a list or mapping is only short because some of its entries, or keys, cannot be read."""
    if isinstance(node, document.Mapping):
        return bool(node.lacks) or len(node.entries) >= entries
    return isinstance(node, document.Sequence) and len(node.items) >= entries


def suggestion(word: str, known: Collection[str]) -> str:
    """Suggest the name that was meant. Among very many it would take too long, once for each problem."""
    close = get_close_matches(word, list(known), n=1) if len(known) <= _MOST_COMPARED else []
    return f"; did you mean {close[0]!r}?" if close else ""


def suggestion_or_all(word: str, known: Collection[str]) -> str:
    """Suggest the name that was meant, or list those that there are, as far as that helps."""
    more = f" or {len(known) - _MOST_LISTED:,} more" if len(known) > _MOST_LISTED else ""
    return suggestion(word, known) or f"; expected one of {', '.join(islice(known, _MOST_LISTED))}{more}"


def _unknown_key(root: Node, detail: ErrorDetails) -> Problem:
    key = str(detail["loc"][-1])
    place = locate(root, detail["loc"])
    hint = suggestion_or_all(key, known_keys(tuple(map(str, place.path[:-1]))))
    return place.key.problem(prefixed(place.path[:-1], f"unknown key {quoted(key)}{hint}"))


def _key_problem(place: Place, details: list[ErrorDetails]) -> Problem:
    key = str(place.path[-1])
    return place.key.problem(prefixed(place.path[:-1], f"expected {_phrases(details)}, found the key {quoted(key)}"))


def _value_problem(place: Place, details: list[ErrorDetails]) -> Problem:
    such_as = _EXAMPLES.get(place.path, "")
    counted = {detail["type"] for detail in details} == {"too_short"} and details[0]["ctx"]["actual_length"]
    form = SIZE if place.path[:-1] == _SPLITS else _FORMS.get(tuple(one for one in place.path if isinstance(one, str)))
    kind_is_wrong = all(detail["type"] in {*_KINDS, "literal_error", NO_SIZE} for detail in details)
    expected = form if form and kind_is_wrong else _phrases(details)
    message = f"expected {expected}{such_as}, found {counted or found(place.node)}"
    if not isinstance(place.node, Scalar):
        braces = isinstance(place.node, document.Mapping) and any(detail["type"] == "string_type" for detail in details)
        return place.problem(message + "; put text with braces in quotes" if braces else message)
    if isinstance(place.node.value, str):
        choices = [choice for detail in details for choice in _choices(detail)]
        return place.problem(message + suggestion(place.node.value, choices))
    if place.node.value is not None and any(detail["type"] == "string_type" for detail in details):
        message += "; put it in quotes"
    return place.problem(message)


def _phrases(details: list[ErrorDetails]) -> str:
    return " or ".join(dict.fromkeys(map(_phrase, details)))


def _phrase(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "tuple_type" and LIST_OR_WEIGHTS in detail["loc"]:
        return "a list, or a mapping of text to weight"
    if kind == "string_pattern_mismatch":
        return EXPECTED[context["pattern"]]
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**context)
    return _KINDS.get(kind, detail["msg"])


def _choices(detail: ErrorDetails) -> list[str]:
    expected: str = detail.get("ctx", {}).get("expected", "") if detail["type"] == "literal_error" else ""
    return expected.split("'")[1::2]


@cache
def known_keys(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys of the section at `path`."""
    kind: object = Spec
    if path in _RANGES:
        return tuple(NumberRange.model_fields)
    for part in path:
        kind = _step(kind, part)
    section = _section(kind)
    return tuple(section.model_fields) if section else ()


def _step(kind: object, part: str) -> object:
    """Return the annotation of `part` inside the annotation `kind`, or None if it is unknown."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(part)
        return field.annotation if field else None
    origin = get_origin(kind)
    if origin is Mapping:
        return get_args(kind)[1]
    if origin is tuple:
        return get_args(kind)[0]
    return next((inner for arg in get_args(kind) if (inner := _step(arg, part)) is not None), None)


def _section(kind: object) -> type[BaseModel] | None:
    """The section inside Optional and Annotated."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((inner for arg in get_args(kind) if (inner := _section(arg)) is not None), None)
