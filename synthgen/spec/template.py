"""Prompt templates: `a portrait of a {class} with {skin} skin`. Pure.

The only syntax is a name in braces, alone or after `a:` or `plural:`; `{{` and `}}` are literal braces. The name is
that of a variable, or, after `source.`, that of a column of the source. There are no other attributes, indices, formats
or conversions, and braces inside a value stay as they are: a template can only join texts.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from synthgen.spec.inflections import FORMS

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
COLUMN = "source."
"""What the names begin with that stand for columns of the source, whose texts come with the picture."""
SUFFIXED = "suffix"
"""The form of the suffix, which no template has as it is written."""
_WEAK, _STRONG = ",;:", ".!?"
"""Marks that join, and marks that end a sentence."""
_MARKS, _BRACKETS = _WEAK + _STRONG, {"(": ")", "[": "]"}
_COLUMN = re.compile(rf"(?:({'|'.join(FORMS)}):)?({re.escape(COLUMN)}.+)")
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


class TemplateError(ValueError):
    """A template that cannot be parsed. The message gives the position of the character, counted from 1."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A place for a value.

    Attributes:
        form: what changes the value, of `FORMS`; None if it stays as it is.
    """

    name: str
    form: str | None = None

    def written(self, value: str) -> str:
        """Write a value as it stands here."""
        if self.form == SUFFIXED:
            return after_comma(value)
        return value if self.form is None else FORMS[self.form](value)


def after_comma(suffix: str) -> str:
    """Write what a prompt ends with. A comma that it begins with is not doubled."""
    bare = suffix.lstrip(f" {_WEAK}")
    return f", {bare}" if bare else ""


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
        return tuple(name for name in self._names() if not name.startswith(COLUMN))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the source that it shows, each once, in the order of first use."""
        return tuple(name.removeprefix(COLUMN) for name in self.shown)

    @property
    def shown(self) -> tuple[str, ...]:
        """The names by which it shows these columns, such as `source.caption`."""
        return tuple(name for name in self._names() if name.startswith(COLUMN))

    def _names(self) -> dict[str, None]:
        return dict.fromkeys(part.name for part in self.parts if isinstance(part, Variable))

    def places(self, name: str) -> int:
        """Count where a variable stands."""
        return sum(isinstance(part, Variable) and part.name == name for part in self.parts)

    def render(self, values: Mapping[str, str | Sequence[str]], *, closes_gaps: bool = False) -> str:
        """Fill the variables with `values`.

        Of several values of a variable, each place gets its own; a single place gets them all, as `a, b and c`.

        Args:
            closes_gaps: whether an empty value leaves no gap between words, no mark that is there twice, and no empty
                brackets.

        Raises:
            KeyError: a variable has no value.
        """
        turns: Counter[str] = Counter()
        text, is_gap = "", False
        for part in self.parts:
            added = part if isinstance(part, str) else self._filled(part, values[part.name], turns)
            if isinstance(part, Variable) and part.form == SUFFIXED and added:
                # After a comma, a full stop or a gap, the suffix still has one comma before it.
                text, is_gap = text.rstrip(f" {_WEAK}."), False
                bare = added.lstrip(f" {_WEAK}")
                added = f" {bare}" if text.endswith(tuple(_STRONG)) else added if text else bare
            elif is_gap and added:
                text, added = _closed(text, added)
                is_gap = False
            is_gap = closes_gaps and (is_gap or not added)
            text += added
        return text.rstrip(f" {_WEAK}") if is_gap else text

    def _filled(self, place: Variable, value: str | Sequence[str], turns: Counter[str]) -> str:
        if isinstance(value, str):
            return place.written(value)
        if self.places(place.name) == 1:
            *before, last = [place.written(each) for each in value]
            return f"{', '.join(before)} and {last}" if before else last
        turns[place.name] += 1
        return place.written(value[turns[place.name] - 1])


def _closed(before: str, after: str) -> tuple[str, str]:
    """Close the gap that an empty value leaves between two texts."""
    if before.endswith(tuple(_BRACKETS)) and after.startswith(_BRACKETS[before[-1]]):
        before, after = before[:-1], after[1:]
    if before[-1:] not in ("", " ", *_MARKS) or after[:1] not in ("", " ", *_MARKS):
        return before, after
    before = before.rstrip(" ")
    if not before:
        return before, after.lstrip(f" {_MARKS}")
    if after.startswith(tuple(_MARKS)):
        if before.endswith(tuple(_STRONG)):
            after = after[1:]
        else:
            before = before.rstrip(_WEAK)
    return before, after


def _parts(text: str) -> Iterator[TemplatePart]:
    for token in _TOKEN.finditer(text):
        whole, name = token[0], token[1]
        if name is not None:
            form, colon, named = name.rpartition(":")
            if column := _COLUMN.fullmatch(name):
                form, named = column[1], column[2]
            elif not NAME.fullmatch(named) or (colon and form not in FORMS):
                forms = f", alone or after {' or '.join(f'{form}:' for form in FORMS)}" if colon else ""
                raise TemplateError(
                    f"{whole!r} at character {token.start() + 1} is not a variable: expected a name of "
                    f"letters, digits and _ in the braces{forms} (write {{{{ and }}}} for literal braces)"
                )
            yield Variable(named, form or None)
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
