"""What the bundled models know. They are small: asked for a cat, they draw a worker and take it for a cat."""

import json
import re
from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path as FilePath
from typing import NamedTuple, Self

from synthgen.spec.bare import Data, Violation, mapping, texts_at
from synthgen.spec.model import BUNDLED_JUDGE, BUNDLED_MODEL
from synthgen.spec.place import KEY, Path, quoted
from synthgen.spec.rules import all_values
from synthgen.spec.template import Template, TemplateError

_VOCABULARY = FilePath(__file__).parents[1] / "bundled" / "vocabulary.json"


@cache
def _vocabulary() -> dict[str, list[str]]:
    """Read what the pictures and captions of the training set were made of."""
    found: dict[str, list[str]] = json.loads(_VOCABULARY.read_text("utf-8"))
    return found


def check_bundled(spec: Data) -> Iterator[Violation]:
    """Yield classes that the bundled model cannot draw, and texts that the bundled judge cannot read."""
    own_model = mapping(spec, "model").get("id") == BUNDLED_MODEL
    judge = mapping(spec, "judge").get("id", BUNDLED_JUDGE if own_model else None)
    undrawable = list(_undrawable(spec)) if own_model else []
    yield from undrawable
    if judge == BUNDLED_JUDGE:
        reported, known = {finding.path for finding in undrawable}, set(_vocabulary()["words"])
        for path, text in _judge_texts(spec):
            if path in reported:
                continue
            if unknown := [word for word in _words(text) if word not in known]:
                listed = "docs/bundled-models.md lists the words it knows"
                yield Violation(path, f"the bundled judge does not know the word {quoted(unknown[0])}; {listed}")


def _undrawable(spec: Data) -> Iterator[Violation]:
    prompts, classes = mapping(spec, "prompts"), mapping(spec, "classes")
    naming = _naming(mapping(prompts, "variables"))
    common = _Templates.of(prompts.get("templates"), naming)
    for name in classes:
        own, variables = mapping(classes, name).get("templates"), mapping(mapping(classes, name), "variables")
        mine = (naming - variables.keys()) | _naming(variables)
        templates = common if own is None and mine == naming else _Templates.of(own or prompts.get("templates"), mine)
        said = own is None and _is_named(name)  # that templates lack {class} is reported of them
        if not (templates.name_one or said or (templates.name_the_class and _is_named(name))):
            message = (
                f"the bundled model cannot draw {quoted(name)}: it can draw {', '.join(_vocabulary()['occupations'])}"
            )
            yield Violation(("classes", name, KEY), message)


def _naming(variables: Data) -> set[str]:
    """Return the variables with a value that names an occupation."""
    return {name for name in variables if any(_is_named(text) for text in all_values(variables[name]))}


class _Templates(NamedTuple):
    """What the templates of a class say: whether one names an occupation, or the class."""

    name_one: bool
    name_the_class: bool

    @classmethod
    def of(cls, texts: object, naming: Container[str]) -> Self:
        """Read templates; `naming` are the variables with a value that names an occupation."""
        templates = [text for _, text in texts_at((), texts)]
        try:
            parsed = [Template.parse(text) for text in templates]
        except TemplateError:
            return cls(True, True)  # reported elsewhere
        names = [each.variables for each in parsed]
        # What columns say is known only with the pictures.
        name_one = not templates or any(map(_is_named, templates)) or any(each.columns for each in parsed)
        return cls(
            name_one or any(name in naming for some in names for name in some), any("class" in some for some in names)
        )


def _is_named(text: str) -> bool:
    said = f" {' '.join(_words(text))} "
    return any(f" {who} " in said for who in (*_vocabulary()["occupations"], "person"))


def _judge_texts(spec: Data) -> Iterator[tuple[Path, str]]:
    classes, attributes = mapping(spec, "classes"), mapping(spec, "attributes")
    for name in classes:
        kind = mapping(classes, name)
        if kind.get("prompts") is not None:
            yield from texts_at(("classes", name, "prompts"), kind["prompts"])
        elif isinstance(definition := kind.get("definition"), str):
            yield ("classes", name, "definition"), definition
        else:
            yield ("classes", name, KEY), name
    for name in attributes:
        values = mapping(mapping(attributes, name), "values")
        for value in values:
            yield from texts_at(("attributes", name, "values", value), values[value])
        yield from texts_at(("attributes", name, "not_applicable"), mapping(attributes, name).get("not_applicable"))
    label = mapping(mapping(spec, "filters"), "label")
    yield from texts_at(("filters", "label", "none_of_these"), label.get("none_of_these"))
    yield from texts_at(("safety", "reject"), mapping(spec, "safety").get("reject"))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())
