"""Prompt templates: `a portrait of a {class} with {skin} skin`. Pure.

The only syntax is a name in braces; `{{` and `}}` are literal braces. There are no attributes, indices,
formats or conversions, and braces inside a value stay as they are: a template can only join texts.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


class TemplateError(ValueError):
    """A template that cannot be parsed. The message gives the position of the character, counted from 1."""


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


TemplatePart = str | Variable


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: literal texts and variables, in order."""

    text: str
    parts: tuple[TemplatePart, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a template.

        Raises:
            TemplateError: a brace has no partner, or its content is not a name.
        """
        return cls(text, tuple(_merged(_parts(text))))

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables, each once, in the order of first use."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Variable)))

    def render(self, values: Mapping[str, str]) -> str:
        """Fill the variables with `values`.

        Raises:
            KeyError: a variable has no value.
        """
        return "".join(values[part.name] if isinstance(part, Variable) else part for part in self.parts)


def _parts(text: str) -> Iterator[TemplatePart]:
    for token in _TOKEN.finditer(text):
        whole, name = token[0], token[1]
        if name is not None:
            if not NAME.fullmatch(name):
                raise TemplateError(
                    f"{whole!r} at character {token.start() + 1} is not a variable: expected a name of "
                    "letters, digits and _ in the braces (write {{ and }} for literal braces)"
                )
            yield Variable(name)
        elif whole in ("{", "}"):
            raise TemplateError(
                f"unbalanced {whole!r} at character {token.start() + 1} (write {whole * 2} for a literal {whole})"
            )
        else:
            yield whole[0] if whole in ("{{", "}}") else whole


def _merged(parts: Iterator[TemplatePart]) -> Iterator[TemplatePart]:
    """Join neighbouring literals, so that equal templates have equal parts."""
    literal = ""
    for part in parts:
        if isinstance(part, str):
            literal += part
            continue
        if literal:
            yield literal
        literal = ""
        yield part
    if literal:
        yield literal
