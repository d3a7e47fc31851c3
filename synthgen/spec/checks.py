"""Checks that span several keys.

Each check reads the raw data, so that it works even if other parts are invalid. It skips values of an unexpected type:
these are reported elsewhere.
"""

import re
from collections.abc import Iterator, Mapping
from math import isclose, prod

from synthgen.spec.adapter_checks import check_adapters
from synthgen.spec.annotate_checks import check_annotate
from synthgen.spec.attribute import NOT_APPLICABLE, RESERVED, UNKNOWN, crossed_parts
from synthgen.spec.bare import Data, Violation, mapping
from synthgen.spec.blocked import check_blocked
from synthgen.spec.bundled import check_bundled
from synthgen.spec.component_checks import check_components
from synthgen.spec.conditions import check_conditions
from synthgen.spec.control_checks import check_control
from synthgen.spec.filters import CALIBRATED, OWN_SCORES
from synthgen.spec.memory_checks import check_memory
from synthgen.spec.messages import suggestion, suggestion_or_all
from synthgen.spec.model import BUNDLED_MODEL, ModelSpec
from synthgen.spec.output_checks import check_output
from synthgen.spec.place import KEY, Path, quoted
from synthgen.spec.prompt_checks import Named, check_prompts, named_variables
from synthgen.spec.reference_checks import check_reference
from synthgen.spec.rules import is_open, pick_of, values_at
from synthgen.spec.sampling_checks import check_sampling
from synthgen.spec.source_checks import check_source
from synthgen.spec.spelling import folded
from synthgen.spec.then_checks import check_then
from synthgen.spec.to_checks import check_to
from synthgen.spec.wordings import check_values, check_wordings

_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
"""Names that Windows and its shares reserve, with any ending: https://learn.microsoft.com/windows/win32/fileio/naming-a-file"""


def check(spec: Data) -> Iterator[Violation]:
    """Yield every problem that involves several keys of a spec."""
    yield from check_source(spec)
    yield from check_control(spec)
    yield from check_then(spec)
    yield from check_reference(spec)
    yield from _name(spec.get("name"))
    yield from _size(mapping(spec, "model"))
    yield from _negatives(spec)
    yield from _classes(mapping(spec, "classes"))
    yield from check_conditions(spec, check_prompts(spec))
    yield from check_blocked(spec)
    yield from check_wordings(spec)
    yield from check_attributes(spec)
    yield from check_to(spec)
    yield from check_annotate(spec)
    yield from _thresholds(mapping(spec, "filters"), mapping(spec, "classes"))
    yield from _entropy(mapping(mapping(spec, "filters"), "learner").get("entropy"))
    yield from _measures(spec)
    yield from check_output(spec)
    yield from check_bundled(spec)
    yield from check_adapters(spec)
    yield from check_components(spec)
    yield from check_sampling(spec)
    yield from check_memory(spec)


def check_attributes(spec: Data) -> Iterator[Violation]:
    """Yield the problems of attributes, and of the balance and gates that refer to them."""
    yield from _attributes(spec)
    yield from _balance(spec)


def _name(name: object) -> Iterator[Violation]:
    if isinstance(name, str) and _DEVICE.fullmatch(name):
        message = f"{quoted(name)} names a device on Windows, which can have no folder of this name; choose another one"
        yield Violation(("name",), message)


def _size(model: Data) -> Iterator[Violation]:
    sides = [side for side in ("width", "height") if model.get(side) is not None]
    if model.get("size") is not None and sides:
        yield Violation(("model", sides[0], KEY), "use either size, or width and height, not both")
    elif len(sides) == 1:
        yield Violation(("model", sides[0], KEY), "width and height go together; the other one is missing")


def _negatives(spec: Data) -> Iterator[Violation]:
    """Yield negative prompts of classes that no guidance brings to act; those of other models are checked by family."""
    model, classes = mapping(spec, "model"), mapping(spec, "classes")
    guidance = model.get("guidance", ModelSpec.model_fields["guidance"].default)
    if model.get("id") != BUNDLED_MODEL or not isinstance(guidance, int | float) or guidance > 1:
        return
    for name in classes:
        if mapping(classes, name).get("negative_prompt"):
            what = f"without guidance it has no effect: set model.guidance above 1, not {guidance:g}"
            yield Violation(("classes", name, "negative_prompt"), what)


def _classes(classes: Data) -> Iterator[Violation]:
    seen: dict[str, str] = {}
    for name in classes:
        first = seen.setdefault(folded(name), name)
        if first != name:
            only = "only by case or by the form of its accents"
            yield Violation(("classes", name, KEY), f"{quoted(name)} differs from {quoted(first)} {only}")


def _attributes(spec: Data) -> Iterator[Violation]:
    attributes = mapping(spec, "attributes")
    named: dict[str, list[Named]] = {}
    for each in named_variables(spec):
        named.setdefault(each.name, []).append(each)
    yield from _names(attributes)
    offers: dict[Path, set[str]] = {}
    for name in attributes:
        path = ("attributes", name)
        attribute = mapping(attributes, name)
        yield from check_values(name, attribute)
        values = mapping(attribute, "values")
        for kept, use in (
            (UNKNOWN, "images on which the judge abstains"),
            (NOT_APPLICABLE, "images without the attribute"),
        ):
            if kept in values:
                message = f"{kept!r} is reserved for {use}; choose another name"
                yield Violation((*path, "values", kept, KEY), message)

        variable = attribute.get("variable")
        if not isinstance(variable, str):
            continue
        if variable not in named:
            hint = suggestion(variable, named)
            yield Violation((*path, "variable"), f"unknown variable {quoted(variable)}{hint}")
            continue
        for each in named[variable]:
            if is_open(each.raw):
                continue
            if each.path not in offers:
                offers[each.path] = {text for _, text in values_at((), each.raw)}
            for value in values:
                if value not in offers[each.path] and value not in (UNKNOWN, NOT_APPLICABLE):
                    of = f" of the class {quoted(each.class_name)}" if each.class_name is not None else ""
                    message = f"the variable {quoted(variable)}{of} has no value {quoted(value)}"
                    yield Violation((*path, "values", value, KEY), message)
            if pick_of(each.raw) is not None:
                what = f"{quoted(variable)} picks several values, which cannot steer an attribute"
                yield Violation((*path, "variable"), what)

    for key in ("balance", "gates"):
        entries = spec.get(key)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            attribute_name = entry.get("attribute") if isinstance(entry, Mapping) else None
            if isinstance(attribute_name, str):
                yield from _parts((key, index, "attribute"), attribute_name, attributes, several=key == "gates")


def _parts(path: Path, name: str, attributes: Data, several: bool) -> Iterator[Violation]:
    """Yield the problems of an attribute's name, or in a gate of several that are crossed, as in `gender x skin`."""
    parts = crossed_parts(name) if several and name not in attributes else (name,)
    for part in parts:
        if part not in attributes:
            yield Violation(path, f"unknown attribute {quoted(part)}{suggestion(part, attributes)}")
    if len(set(parts)) < len(parts):
        yield Violation(path, f"{quoted(name)} lists an attribute twice")


def _names(attributes: Data) -> Iterator[Violation]:
    """Yield attribute names that collide with other columns of the tables."""
    seen: dict[str, str] = {}
    for name in attributes:
        path = ("attributes", name, KEY)
        if meaning := RESERVED.get(name.casefold()):
            yield Violation(path, f"{quoted(name)} is reserved for {meaning}; choose another name")
        elif (first := seen.setdefault(name.casefold(), name)) != name:
            yield Violation(path, f"{quoted(name)} differs from {quoted(first)} only by case")


def _balance(spec: Data) -> Iterator[Violation]:
    entries, attributes = spec.get("balance"), mapping(spec, "attributes")
    balanced: dict[str, int] = {}  # how many values of each are wanted
    linked: dict[str, str] = {}
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        name = entry.get("attribute") if isinstance(entry, Mapping) else None
        if not isinstance(name, str) or name not in attributes:
            continue

        path = ("balance", index, "attribute")
        if name in balanced:
            yield Violation(path, f"{quoted(name)} is balanced twice")
        attribute = mapping(attributes, name)
        variable = attribute.get("variable")
        if isinstance(variable, str) and linked.setdefault(variable, name) != name:
            yield Violation(path, f"the variable {quoted(variable)} cannot steer both {linked[variable]} and {name}")

        values, target = mapping(attribute, "values"), entry.get("target", "uniform")
        wanted = len(values)
        if isinstance(target, Mapping):
            yield from _shares(("balance", index, "target"), target, values)
            wanted = sum(1 for share in target.values() if share) if list(target) != ["from"] else 1
        balanced[name] = wanted

    cells = prod(balanced.values())
    for name, kind in mapping(spec, "classes").items():
        count = kind.get("count") if isinstance(kind, Mapping) else kind
        if balanced and type(count) is int and 0 < count < cells:
            message = f"{count} image{'s' * (count != 1)} cannot fill the {cells} cells that 'balance' makes of a class"
            yield Violation(("classes", name, "count"), f"{message}; expected at least {cells}")


def _shares(path: Path, target: Data, values: Data) -> Iterator[Violation]:
    if list(target) == ["from"]:
        return
    for value in target:
        if value not in values:
            message = f"the attribute has no value {quoted(value)}{suggestion_or_all(value, values)}"
            yield Violation((*path, value, KEY), message)
    numbers = [share for share in target.values() if isinstance(share, int | float) and not isinstance(share, bool)]
    if numbers and len(numbers) == len(target) and not isclose(sum(numbers), 1, abs_tol=1e-6):
        yield Violation(path, f"expected shares that add up to 1, found {sum(numbers):g}")


def _thresholds(filters: Data, classes: Data) -> Iterator[Violation]:
    for name, key in CALIBRATED.items():
        if filters.get(name) is not None:
            yield from _threshold(("filters", name), key, mapping(filters, name), classes)


def _threshold(path: Path, key: str, own: Data, classes: Data) -> Iterator[Violation]:
    floors, calibrated = mapping(own, key), own.get("calibration") is not None
    if calibrated and own.get(key) is not None:
        yield Violation((*path, key, KEY), f"use either {key} or calibration, not both")
    if key == "min_score" and not calibrated and own.get(key) is None:
        yield Violation(path, "expected a min_score, or a calibration")
    for name in floors:
        if name not in classes:
            hint = suggestion(name, classes)
            yield Violation((*path, key, name, KEY), f"there is no class {quoted(name)}{hint}")
    if floors and (missing := [name for name in classes if name not in floors]):
        yield Violation((*path, key), f"no threshold for the class {quoted(missing[0])}")


def _entropy(limits: object) -> Iterator[Violation]:
    if not isinstance(limits, list | tuple) or len(limits) != 2:
        return  # reported elsewhere
    low, high = limits
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        path = ("filters", "learner", "entropy")
        yield Violation(path, f"expected the smaller limit first, found {low:g} before {high:g}")


def _measures(spec: Data) -> Iterator[Violation]:
    attributes, measures = mapping(spec, "attributes"), mapping(mapping(spec, "filters"), "measures")
    for name in measures:
        path, limits = ("filters", "measures", name), mapping(measures, name)
        if name in OWN_SCORES or (name.endswith("_posterior") and name.removesuffix("_posterior") in attributes):
            yield Violation((*path, KEY), f"{quoted(name)} is reserved for a score of the judge's own")
        least, most = limits.get("min"), limits.get("max")
        if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
            yield Violation((*path, "max"), f"expected at least the min, {least:g}, found {most:g}")
