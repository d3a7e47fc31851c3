"""Checks of `prompts`, and of the templates and variables of classes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from synthgen.spec.bare import Data, Violation, mapping, texts_at
from synthgen.spec.choices import is_long
from synthgen.spec.expanded import EXPANDED, check_expand, is_expanded, steered_cells
from synthgen.spec.messages import suggestion, suggestion_or_all
from synthgen.spec.place import KEY, Path, quoted
from synthgen.spec.rules import CLASS, SUFFIX, pick_of, range_complaint, rule_of, values_at
from synthgen.spec.template import COLUMN, Template, TemplateError

_VARIABLES = ("prompts", "variables")
_SOURCES = ("values", "range", "file")
_OF_RANGES, _OF_FILES = ("step", "decimals"), ("column", "sha256")


class Named(NamedTuple):
    """A variable, with its place and the class that it is for; None if it is for all."""

    path: Path
    name: str
    raw: object
    class_name: str | None


def named_variables(spec: Data) -> Iterator[Named]:
    """Yield the common variables, then those of classes."""
    variables, classes = mapping(mapping(spec, "prompts"), "variables"), mapping(spec, "classes")
    yield from (Named((*_VARIABLES, name), name, raw, None) for name, raw in variables.items())
    for kind in classes:
        own = mapping(mapping(classes, kind), "variables")
        yield from (Named(("classes", kind, "variables", name), name, raw, kind) for name, raw in own.items())


class NamedTemplates(NamedTuple):
    """Templates, with their place and the class that they are for; None if they are common."""

    path: Path
    raw: object
    class_name: str | None


def named_templates(spec: Data) -> Iterator[NamedTemplates]:
    """Yield the common templates, then those of classes."""
    classes = mapping(spec, "classes")
    yield NamedTemplates(("prompts", "templates"), mapping(spec, "prompts").get("templates"), None)
    for name in classes:
        yield NamedTemplates(("classes", name, "templates"), mapping(classes, name).get("templates"), name)


def check_prompts(spec: Data) -> Iterator[Violation]:
    """Yield problems of templates and variables, and of what refers to them."""
    prompts = mapping(spec, "prompts")
    has_suffix, has_expanded = prompts.get(SUFFIX) is not None, is_expanded(prompts)
    variables = list(named_variables(spec))
    for each in variables:
        yield from repeated(values_at(each.path, each.raw) if not _is_range(each.raw) else ())
        yield from _long_form(each)
        if each.name == CLASS or (each.name == SUFFIX and has_suffix) or (each.name == EXPANDED and has_expanded):
            stands = {CLASS: "the class's name", SUFFIX: "prompts.suffix", EXPANDED: "prompts.expand"}[each.name]
            yield Violation((*each.path, KEY), f"{each.name!r} always stands for {stands}; choose another name")

    used: set[str] = {other for each in variables for other in rule_of(each.name, each.raw).names}
    used.update(*(steered_cells(spec) if has_expanded else ()))
    whole = True  # whether every template could be read, so that the unused variables are known
    picks = {each.name: pick_of(each.raw) for each in variables}
    common = {each.name for each in variables if each.class_name is None}
    for path, texts, class_name in named_templates(spec):
        own = {each.name for each in variables if each.class_name == class_name or class_name is None}
        whole = whole and (texts is None or isinstance(texts, list | Mapping))
        yield from repeated(texts_at(path, texts))
        for place, text in texts_at(path, texts):
            try:
                template = Template.parse(text)
            except TemplateError as error:
                whole = False
                yield Violation(place, str(error))
                continue
            used.update(template.variables, _conditions_of(texts, text))
            yield from _unknown_variables(place, template.variables, {CLASS: None, **dict.fromkeys([*common, *own])})
            yield from _unknown_columns(place, template.columns, spec)
            if class_name is None and CLASS not in template.variables and not template.columns:
                yield Violation(place, f"{quoted(text)} does not contain {{class}}; every common template needs it")
            yield from _picked(place, template, picks)

    if whole:
        yield from (
            Violation((*each.path, KEY), f"no template uses the variable {quoted(each.name)}")
            for each in variables
            if each.name not in used and each.name != CLASS
        )
    yield from _missing_templates(spec)
    yield from check_expand(spec)


def _is_range(raw: object) -> bool:
    return isinstance(raw, Mapping) and is_long(raw) and raw.get("range") is not None


def _conditions_of(texts: object, text: str) -> Iterable[str]:
    entry = texts.get(text) if isinstance(texts, Mapping) else None
    return mapping(entry, "when") if isinstance(entry, Mapping) else ()


def _long_form(variable: Named) -> Iterator[Violation]:
    """Yield keys of a long form that do not go together."""
    raw, path = variable.raw, variable.path
    if not (isinstance(raw, Mapping) and is_long(raw)):
        return
    sources = [key for key in _SOURCES if raw.get(key) is not None]
    if not sources:
        yield Violation(path, f"it has no values; expected one of {', '.join(_SOURCES)}")
    for other in sources[1:]:
        yield Violation((*path, other, KEY), f"use either {sources[0]!r} or {other!r}, not both")
    for keys, source in ((_OF_RANGES, "range"), (_OF_FILES, "file")):
        for key in keys:
            if raw.get(key) is not None and source not in sources:
                yield Violation((*path, key, KEY), f"{key!r} goes with {source!r}, which is missing")
    if complaint := range_complaint(raw):
        yield Violation((*path, "range"), complaint)

    rule = rule_of(variable.name, raw)
    if rule.otherwise is not None and not (rule.when or any(option.when for option in rule.options)):
        yield Violation((*path, "otherwise", KEY), "'otherwise' goes with conditions: it has no 'when'")
    if rule.pick is not None and 0 < len(rule.options) < rule.pick:
        message = f"expected at most its {len(rule.options)} values, found {rule.pick}"
        yield Violation((*path, "pick"), message)


def _picked(place: Path, template: Template, picks: Mapping[str, int | None]) -> Iterator[Violation]:
    for name in template.variables:
        pick, places = picks.get(name), template.places(name)
        if pick is not None and places not in (1, pick):
            message = f"{{{name}}} is there {places} times, and 'pick' draws {pick}: expected one place or {pick}"
            yield Violation(place, message)


def _missing_templates(spec: Data) -> Iterator[Violation]:
    prompts, classes = mapping(spec, "prompts"), mapping(spec, "classes")
    own = {name: mapping(classes, name).get("templates") for name in classes}
    bare = [name for name, texts in own.items() if texts is None]
    if is_expanded(prompts):
        bare = []
    if "prompts" not in spec and bare:
        yield Violation((KEY,), "missing key 'prompts'")
    elif isinstance(spec.get("prompts"), Mapping) and prompts.get("templates") is None and bare:
        message = f"missing key 'templates'; the class {quoted(bare[0])} has no templates of its own"
        yield Violation(("prompts", KEY), message)
    elif prompts.get("templates") and own and all(texts is not None for texts in own.values()):
        yield Violation(
            ("prompts", "templates", KEY), "these templates are never used, because every class has its own"
        )


def _unknown_variables(place: Path, names: Iterable[str], known: Data) -> Iterator[Violation]:
    for name in names:
        if name not in known:
            yield Violation(place, f"unknown variable {quoted(name)}{suggestion_or_all(name, known)}")


def _unknown_columns(place: Path, names: Iterable[str], spec: Data) -> Iterator[Violation]:
    """Yield columns of the source that images do not take over."""
    kept = mapping(spec, "source").get("keep")
    known = [name for name in kept if isinstance(name, str)] if isinstance(kept, list | tuple) else []
    for name in names:
        if spec.get("source") is None:
            yield Violation(place, f"{{{COLUMN}{name}}} is a column of source, and images begin from no pictures")
        elif name not in known:
            what = f"{{{COLUMN}{name}}} needs the column {quoted(name)} in source.keep"
            yield Violation(place, f"{what}{suggestion(name, known)}")


def repeated(texts: Iterable[tuple[Path, str]]) -> Iterator[Violation]:
    """Yield texts that are listed before."""
    seen: set[str] = set()
    for place, text in texts:
        if text in seen:
            yield Violation(place, f"{quoted(text)} is listed twice; to make it more frequent, give it a weight")
        seen.add(text)
