"""Check that what `to` changes is known to the spec, and asked for by the prompts."""

from collections.abc import Iterator

from synthgen.spec.bare import Data, Violation, mapping, texts_at
from synthgen.spec.expanded import is_expanded
from synthgen.spec.messages import suggestion, suggestion_or_all
from synthgen.spec.place import KEY, quoted
from synthgen.spec.prompt_checks import named_templates
from synthgen.spec.source_set import TO_CLASS
from synthgen.spec.template import Template, TemplateError
from synthgen.spec.wanted import wanted_in


def check_to(spec: Data) -> Iterator[Violation]:
    """Yield what `to` asks for that is not there, and attributes that no prompt would change."""
    classes, changes = mapping(spec, "classes"), mapping(spec, "to")
    if changes and spec.get("source") is None:
        yield Violation(("to", KEY), "it changes pictures: set a task that begins from some, and source, or remove it")
    if spec.get("source") is None or spec.get("task") == "control":
        for key in ("kept", "changed"):
            if mapping(spec, "filters").get(key) is not None:
                what = "it compares images with the pictures that they begin from, and these begin from none"
                yield Violation(("filters", key, KEY), what)
    steering: dict[object, str] = {}
    for path, entry in wanted_in(spec):
        if path[0] == "balance" and isinstance(name := entry.get("attribute"), str):
            steering[mapping(mapping(spec, "attributes"), name).get("variable")] = name
    for name, value in changes.items():
        if name != TO_CLASS:
            yield from _attribute(spec, name, value, steering)
        elif isinstance(value, str) and value not in classes:
            yield Violation(("to", name), f"there is no class {quoted(value)}{suggestion_or_all(value, classes)}")


def _attribute(spec: Data, name: str, value: object, steering: dict[object, str]) -> Iterator[Violation]:
    attributes = mapping(spec, "attributes")
    if name not in attributes:
        what = f"expected 'class' or an attribute, found {quoted(name)}{suggestion(name, [TO_CLASS, *attributes])}"
        yield Violation(("to", name, KEY), what)
        return

    values, variable = mapping(mapping(attributes, name), "values"), mapping(attributes, name).get("variable")
    if isinstance(value, str) and value not in values:
        hint = suggestion_or_all(value, values)
        yield Violation(("to", name), f"the attribute has no value {quoted(value)}{hint}")
    if name in steering.values():
        yield Violation(("to", name, KEY), f"{quoted(name)} is in balance, too; remove one of them")
    elif not isinstance(variable, str):
        what = f"no variable steers it, so no prompt asks for the change: set attributes.{name}.variable"
        yield Violation(("to", name, KEY), what)
    elif (other := steering.setdefault(variable, name)) != name:
        yield Violation(("to", name, KEY), f"the variable {quoted(variable)} cannot steer both {other} and {name}")
    else:
        for class_name in _not_asked(spec, variable):
            what = f"no template of the class {quoted(class_name)} has {{{variable}}}, which asks for the change"
            yield Violation(("to", name, KEY), what)


def _not_asked(spec: Data, variable: str) -> Iterator[str]:
    """Yield the classes of which no template has a variable."""
    if is_expanded(mapping(spec, "prompts")):
        return  # its prompts are written for each value
    asks = {
        class_name: any(_has(text, variable) for _, text in texts_at(path, texts))
        for path, texts, class_name in named_templates(spec)
        if texts
    }
    for name in mapping(spec, "classes"):
        if not asks.get(name, asks.get(None, True)):
            yield name


def _has(text: str, variable: str) -> bool:
    try:
        return variable in Template.parse(text).variables
    except TemplateError:
        return True  # reported elsewhere
