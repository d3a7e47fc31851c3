"""The texts that the judge reads. It cannot distinguish two answers that have the same text."""

import re
from collections.abc import Iterator

from synthgen.spec.bare import Data, Violation, mapping, texts_at
from synthgen.spec.place import KEY, Path, quoted

_FRAME = re.compile(r"^((an?|the) )?((picture|photo|photograph|portrait|image|drawing) of )?((an?|the) )?")


def check_wordings(spec: Data) -> Iterator[Violation]:
    """Yield classes, values and rejected texts that the judge cannot distinguish."""
    classes = mapping(spec, "classes")
    yield from _classes(classes)
    named = {core(text): name for name in classes for text in _texts_of(name, mapping(classes, name))}
    others: tuple[tuple[Path, Data, str], ...] = (
        (("filters", "label"), mapping(mapping(spec, "filters"), "label"), "none_of_these"),
        (("safety",), mapping(spec, "safety"), "reject"),
    )
    for path, section, key in others:
        for place, text in texts_at((*path, key), section.get(key)):
            if (name := named.get(core(text))) is not None:
                yield Violation(place, f"{quoted(text)} already describes the class {quoted(name)} to the judge")


def check_values(name: str, attribute: Data) -> Iterator[Violation]:
    """Yield values of the attribute `name`, and texts of `not_applicable`, that share a text."""
    values, path = mapping(attribute, "values"), ("attributes", name)
    answers: list[tuple[Path, object]] = [((*path, "values", value), texts) for value, texts in values.items()]
    answers.append(((*path, "not_applicable"), attribute.get("not_applicable")))
    seen: dict[str, Path] = {}
    for where, texts in answers:
        for place, text in texts_at(where, texts):
            first = seen.setdefault(core(text), where)
            if first != where:
                yield Violation(place, f"{quoted(text)} already describes {quoted(str(first[-1]))} to the judge")


def core(text: str) -> str:
    """Remove case, punctuation, gaps, articles and `a picture of`."""
    return _FRAME.sub("", words_of(text)) or text.casefold()


def words_of(text: str) -> str:
    """Remove case, punctuation and the width of gaps."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())


def _classes(classes: Data) -> Iterator[Violation]:
    seen: dict[frozenset[str], str] = {}
    for name in classes:
        kind = mapping(classes, name)
        texts = frozenset(map(core, _texts_of(name, kind)))
        first = seen.setdefault(texts, name)
        if first.casefold() != name.casefold() and texts:
            key = next((key for key in ("prompts", "definition") if kind.get(key) is not None), KEY)
            message = f"the judge cannot distinguish it from {quoted(first)}: both have the same texts"
            yield Violation(("classes", name, key), message)


def _texts_of(name: str, kind: Data) -> list[str]:
    """Return the texts that describe a class, without the sentences around a name or a definition."""
    prompts, definition = kind.get("prompts"), kind.get("definition")
    if isinstance(prompts, list):
        return [text for _, text in texts_at((), prompts)]
    return [definition if isinstance(definition, str) else name]
