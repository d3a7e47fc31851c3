"""Checks of adapters that span several keys of a spec."""

import re
from collections.abc import Iterator, Mapping

from synthgen.spec.adapters import HUB_ID, own_label
from synthgen.spec.bare import Data, Violation, mapping, texts_at
from synthgen.spec.messages import suggestion_or_all
from synthgen.spec.place import KEY, Path, quoted


def check_adapters(spec: Data) -> Iterator[Violation]:
    """Yield adapters that have the same name, or that could never act, or not as their author expects."""
    model = mapping(spec, "model")
    adapters = model.get("adapters")
    if not isinstance(adapters, list | tuple):
        return
    at: Path = ("model", "adapters")
    if adapters and str(model.get("id")).startswith("plugin:"):
        yield Violation((*at, KEY), "a generator of an installed package takes no adapters")
    seen: dict[str, int] = {}
    for index, entry in enumerate(adapters):
        if not isinstance(entry, Mapping):
            continue
        label = _label(entry)
        if label in seen:
            yield Violation(
                (*at, index), f"adapter {seen[label]} is called {quoted(label)} too: give it another `name`"
            )
        seen.setdefault(label, index)
        yield from _own(entry, (*at, index))
        yield from _when(spec, mapping(entry, "when"), (*at, index, "when"))
        trigger = entry.get("trigger")
        if isinstance(trigger, str) and not any(trigger.casefold() in said.casefold() for said in _said(spec)):
            message = f"no template and no value of a variable says {quoted(trigger)}: write it where the adapter acts"
            yield Violation((*at, index, "trigger"), message)


def _label(entry: Data) -> str:
    name, place = entry.get("name"), str(entry.get("id", ""))
    return name if isinstance(name, str) else own_label(place)


def _own(entry: Data, at: Path) -> Iterator[Violation]:
    """Compare the keys of one adapter with its kind."""
    place = str(entry.get("id", ""))
    if not HUB_ID.fullmatch(place) or place.startswith("."):
        for key in ("file", "revision"):
            if entry.get(key) is not None:
                yield Violation((*at, key), "only an id on the hub takes it")
    if entry.get("kind") == "textual_inversion":
        if entry.get("trigger") is None:
            yield Violation(at, "a textual inversion needs `trigger`: its token, as the prompts write it")
        elif isinstance(token := entry["trigger"], str) and re.search(r"\s", token):
            yield Violation((*at, "trigger"), f"{quoted(token)} contains a space: a token is one word")
        for key, plain in (("weight", 1), ("when", {})):
            if entry.get(key, plain) != plain:
                message = "a textual inversion acts where the prompt says its token, and nowhere else"
                yield Violation((*at, key), message)


def _when(spec: Data, when: Data, at: Path) -> Iterator[Violation]:
    variables = mapping(mapping(spec, "prompts"), "variables")
    known: dict[str, list[str]] = {"class": list(mapping(spec, "classes"))}
    known |= {name: [text for _, text in texts_at((), variables[name])] for name in variables}
    for name, wanted in when.items():
        if name not in known:
            hint = suggestion_or_all(name, list(known))
            yield Violation((*at, name, KEY), f"there is no prompt variable {quoted(name)}{hint}")
            continue
        for place, value in texts_at((*at, name), list(wanted) if isinstance(wanted, tuple) else wanted):
            if value not in known[name]:
                hint = suggestion_or_all(value, known[name])
                yield Violation(place, f"{quoted(name)} never has the value {quoted(value)}{hint}")


def _said(spec: Data) -> Iterator[str]:
    """Yield every text that can be a part of a prompt."""
    prompts, classes = mapping(spec, "prompts"), mapping(spec, "classes")
    yield from classes
    for texts in (prompts.get("templates"), *mapping(prompts, "variables").values()):
        yield from (text for _, text in texts_at((), texts))
    for name in classes:
        yield from (text for _, text in texts_at((), mapping(classes, name).get("templates")))
