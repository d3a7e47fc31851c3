"""Prompts that a language model wrote, as templates see them: the values of a variable. Reads raw data; pure.

They are one template, `{expanded}`, whose variable has the prompts of the class as its values, each under the condition
that the variables that steer a balanced attribute have the values that it was written for.
"""

from collections.abc import Iterator, Mapping
from itertools import product

from synthgen.spec.bare import Data, Violation, mapping, texts_at
from synthgen.spec.place import KEY, Path, quoted
from synthgen.spec.rules import Offer, VariableRule, When
from synthgen.spec.wanted import wanted_in

EXPANDED = "expanded"
TEMPLATE = f"{{{EXPANDED}}}"
_PATH: Path = ("prompts", "expand")
_LATER = "(not yet asked for)"
_OF_HUB, _OF_ENDPOINT = ("revision",), ("name",)


def is_expanded(prompts: Data) -> bool:
    """Whether the spec has, or will have, prompts of a language model."""
    return isinstance(prompts.get("expand"), Mapping)


def is_asked(prompts: Data) -> bool:
    """Whether the prompts are there."""
    return mapping(prompts, "expand").get("prompts") is not None


def expanded_offers(prompts: Data) -> list[Offer]:
    """Return the template of all these prompts, if there are any."""
    if not is_expanded(prompts):
        return []
    weight = mapping(prompts, "expand").get("weight", 1.0)
    is_number = isinstance(weight, int | float) and not isinstance(weight, bool) and weight > 0
    return [Offer(TEMPLATE, float(weight) if is_number else 1.0, {})]  # type: ignore[arg-type] # it is a number


def expanded_rules(prompts: Data, class_name: str) -> dict[str, VariableRule]:
    """Return the prompts of a class as the values of a variable. Where they are still to be asked for, one is there."""
    if not is_expanded(prompts):
        return {}
    if not is_asked(prompts):
        return {EXPANDED: VariableRule(EXPANDED, (Offer(_LATER, 1.0, {}),), {})}
    options = []
    for values, texts in cells_at(prompts, class_name):
        when: When = {name: frozenset((value,)) for name, value in values.items()}
        options += [Offer(text, 1.0, when) for text in texts]
    return {EXPANDED: VariableRule(EXPANDED, tuple(options), {})}


def cells_at(prompts: Data, class_name: str) -> Iterator[tuple[Mapping[str, str], list[str]]]:
    """Yield the prompts of a class, with the values of variables that they are for."""
    cells = mapping(mapping(prompts, "expand"), "prompts").get(class_name)
    for cell in cells if isinstance(cells, list | tuple) else ():
        if isinstance(cell, Mapping):
            values = {name: value for name, value in mapping(cell, "values").items() if isinstance(value, str)}
            yield values, [text for _, text in texts_at((), cell.get("texts"))]


def expanded_texts(prompts: Data) -> list[str]:
    """Return the prompts of all classes."""
    classes = mapping(mapping(prompts, "expand"), "prompts")
    return [text for name in classes for _, texts in cells_at(prompts, name) for text in texts]


def steered_cells(spec: Data) -> list[dict[str, str]]:
    """Return every combination of values of the variables that steer balanced attributes; `[{}]` if none does."""
    steered: dict[str, list[str]] = {}
    for _, entry in wanted_in(spec):
        name, target = entry.get("attribute"), entry.get("target")
        attribute = mapping(mapping(spec, "attributes"), name) if isinstance(name, str) else {}
        variable, values = attribute.get("variable"), mapping(attribute, "values")
        if isinstance(variable, str):
            shares = target if isinstance(target, Mapping) and list(target) != ["from"] else None
            steered[variable] = [value for value in values if shares is None or shares.get(value)]
    return [dict(zip(steered, values, strict=True)) for values in product(*steered.values())]


def named(class_name: str, values: Mapping[str, str]) -> str:
    """Name a class and the values that prompts are for."""
    return ", ".join([class_name, *(f"{name}={value}" for name, value in values.items())])


def check_expand(spec: Data) -> Iterator[Violation]:
    """Yield what does not go together in `prompts.expand`, and classes and values that have no prompts."""
    if not is_expanded(mapping(spec, "prompts")):
        return
    expand = mapping(mapping(spec, "prompts"), "expand")
    if expand.get("prompts") is None:
        yield from _check_question(expand)
        return
    for key in ("file", "model", "endpoint"):
        if expand.get(key) is not None:
            yield Violation((*_PATH, key, KEY), f"use either {key!r} or 'prompts', not both")
    classes, prompts = mapping(spec, "classes"), mapping(spec, "prompts")
    written = mapping(expand, "prompts")
    for name in written:
        if name not in classes:
            yield Violation((*_PATH, "prompts", name, KEY), f"there is no class {quoted(name)}")
    wanted = steered_cells(spec) if not _is_open(spec) else []
    common = mapping(prompts, "variables")
    for name in classes:
        there = [values for values, _ in cells_at(prompts, name)]
        known = {*common, *mapping(mapping(classes, name), "variables")}
        for variable in {key: None for values in there for key in values if key not in known}:
            what = f"it has prompts for values of {quoted(variable)}, which is no variable of {quoted(name)}"
            yield Violation((*_PATH, KEY), f"{what}: `synthgen expand` can ask for all of them again")
        lacking = [values for values in wanted if values not in there]
        if lacking or not there:
            of = named(name, lacking[0]) if lacking else name
            yield Violation((*_PATH, KEY), f"it has no prompts for {quoted(of)}: `synthgen expand` asks for them")
    yield from _copies(written)


def _check_question(expand: Data) -> Iterator[Violation]:
    file = expand.get("file")
    if file is None:
        yield Violation((*_PATH, KEY), "missing key 'file': where `synthgen expand` writes the prompts")
    elif isinstance(file, str) and not file.lower().endswith(".json"):
        yield Violation((*_PATH, "file"), f"expected a file that ends in .json, found {quoted(file)}")
    model, endpoint = expand.get("model"), expand.get("endpoint")
    if (model is None) == (endpoint is None):
        yield Violation((*_PATH, KEY), "expected either 'model' or 'endpoint': which language model is asked")
    if endpoint is not None and expand.get("name") is None:
        yield Violation((*_PATH, "endpoint", KEY), "missing key 'name': the name of the model at the endpoint")
    for keys, source in ((_OF_HUB, "model"), (_OF_ENDPOINT, "endpoint")):
        for key in keys:
            if expand.get(key) is not None and expand.get(source) is None:
                yield Violation((*_PATH, key, KEY), f"{key!r} goes with {source!r}, which is missing")
    if isinstance(model, str) and expand.get("revision") is not None and model.startswith((".", "/", "~")):
        yield Violation((*_PATH, "revision", KEY), "a folder has no revision; remove it")


def _copies(written: Data) -> Iterator[Violation]:
    for name in written:
        seen: set[str] = set()
        for index, (_, texts) in enumerate(cells_at({"expand": {"prompts": written}}, name)):
            for place, text in enumerate(texts):
                if text in seen:
                    yield Violation((*_PATH, "prompts", name, index, "texts", place), f"{quoted(text)} is there twice")
                seen.add(text)


def _is_open(spec: Data) -> bool:
    """Whether a file has yet to be read before the shares of balance are known."""
    entries = spec.get("balance")
    targets = (
        [entry.get("target") for entry in entries or () if isinstance(entry, Mapping)]
        if isinstance(entries, list)
        else []
    )
    return any(isinstance(target, Mapping) and list(target) == ["from"] for target in targets)
