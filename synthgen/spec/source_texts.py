"""What templates show of the pictures that images begin from: the values of columns, as texts. Pure."""

import json
from collections.abc import Iterator, Mapping

from synthgen.inert import inert
from synthgen.spec.blocked import blocked_prompt
from synthgen.spec.phrases import Phrases, TooManyError
from synthgen.spec.source_set import TO_CLASS
from synthgen.spec.spec import Spec
from synthgen.spec.template import COLUMN, Template

KeptItem = str | int | float | bool | None
KeptValue = KeptItem | list[KeptItem]
"""What a cell of a kept column holds."""
LIST_OF = "list of "
"""What the types of kept columns begin with that hold lists, before the type of their items."""


def values_of(kept: str) -> dict[str, KeptValue]:
    """Read the values of kept columns, as a run writes them: JSON, or nothing."""
    return dict(json.loads(kept)) if kept else {}


def texts_of(kept: str) -> dict[str, str]:
    """Return what each `{source.COLUMN}` stands for."""
    return {f"{COLUMN}{name}": text_of(value) for name, value in values_of(kept).items()}


def text_of(value: KeptValue) -> str:
    """Write a value as it stands in a prompt: on one line, a list as `a, b and c`, and nothing where there is none.

    Example:
        >>> text_of(["red hat", "gloves"]), text_of(2.0), text_of(None)
        ('red hat and gloves', '2', '')
    """
    if value is None:
        return ""
    if isinstance(value, list):
        *before, last = [*filter(None, map(text_of, value))] or [""]
        return f"{', '.join(before)} and {last}" if before else last
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return " ".join(inert(str(value)).split())


class SourceTexts:
    """Says which pictures have no prompt that could be used.

    Args:
        spec: of which some templates may show columns of the source.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        templates = {name: [each for each, _ in spec.templates_of(name) if each.columns] for name in spec.classes}
        self._templates = {name: some for name, some in templates.items() if some}
        self._block = spec.safety.block if self._templates else ()
        self._phrases = Phrases(self._block)
        self._prompts = spec.prompts.model_dump(mode="json") if self._block else {}

    def fault(self, class_name: str, kept: str) -> str | None:
        """Say why a picture of a class cannot be used: a prompt would be empty, or has a blocked phrase."""
        texts = texts_of(kept)
        for name, template in self._of_picture(class_name):
            columns = ", ".join(map(repr, template.columns))
            if not template.variables and not template.render(texts, closes_gaps=True).strip():
                return f"the template {template.text!r} gives no prompt: nothing is in the column {columns}"
            if self._block and (phrase := self._blocked(name, template, texts)):
                return f"with the column {columns}, a prompt contains the blocked {phrase!r}"
        return None

    def _of_picture(self, class_name: str) -> Iterator[tuple[str, Template]]:
        """Yield the templates by which images may be made of a picture, each with the class of these images."""
        changed = self._spec.to.get(TO_CLASS)
        for name in dict.fromkeys((class_name, changed) if changed else (class_name,)):
            yield from ((name, each) for each in self._templates.get(name, ()))

    def _blocked(self, class_name: str, template: Template, texts: Mapping[str, str]) -> str | None:
        own = self._spec.classes[class_name].model_dump(mode="json")
        sections, number = (self._prompts, own), list(self._spec.classes).index(class_name)
        try:
            return blocked_prompt(sections, class_name, number, self._phrases, template, texts)
        except TooManyError:  # it counts what it has read of all pictures
            self._phrases = Phrases(self._block)
            return blocked_prompt(sections, class_name, number, self._phrases, template, texts)
