"""The texts by which a CLIP recognises what a spec names. Importing this file imports no torch."""

from collections.abc import Iterator

from synthgen.spec import Spec

_WORDINGS = ("{}", "a picture of {}", "a photo of {}", "a portrait of {}", "an image of {}")


def texts_of_class(name: str, spec: Spec) -> tuple[str, ...]:
    """Return the texts for a class: its own, or its definition or name in several wordings."""
    kind = spec.classes[name]
    what = kind.definition or _with_article(name)
    return kind.prompts or tuple(wording.format(what) for wording in _WORDINGS)


def placed_texts(spec: Spec) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield all texts that the judge reads, with the place in the spec that each comes from."""
    for name, kind in spec.classes.items():
        key = "prompts" if kind.prompts else "definition"
        yield from ((("classes", name, key, at), text) for at, text in enumerate(texts_of_class(name, spec)))
    for name, attribute in spec.attributes.items():
        for value, texts in attribute.values.items():
            yield from ((("attributes", name, "values", value, at), text) for at, text in enumerate(texts))
    label = spec.filters.label
    for at, text in enumerate(label.none_of_these if label else ()):
        yield ("filters", "label", "none_of_these", at), text
    yield from ((("safety", "reject", at), text) for at, text in enumerate(spec.safety.reject))


def _with_article(name: str) -> str:
    name = name.replace("_", " ")
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"
