"""The prompts in the answer of a language model. An answer is data, whatever it says; pure."""

import json
import re
from collections.abc import Iterator, Sequence

_MOST = 2000
"""Prompts that are read from one answer."""
_THOUGHTS = re.compile(r"<think>.*?</think>", re.DOTALL)
_FENCED = re.compile(r"```[a-zA-Z]*\n(.*?)```", re.DOTALL)
_BULLET = re.compile(r"^(?:[-*\u2022]|\(?[0-9]{1,4}[.):])\s+")
_QUOTES = ('""', "''", "\u201c\u201d", "\u2018\u2019", "``")
"""What stands before and behind a text."""


def prompts_in(answer: str) -> Sequence[str | None]:
    """Read a list of texts: a JSON array, alone, in an object or in other text; else a text on each line.

    What stands in the place of a text and is none is None.

    Example:
        >>> prompts_in('Here they are: ["a red cup", 7]'), prompts_in("1. a red cup\\n2. 'a blue cup'")
        (['a red cup', None], ['a red cup', 'a blue cup'])
    """
    answer = _THOUGHTS.sub("", answer)
    for part in _parts(answer):
        try:
            found = _list_of(json.loads(part))
        except (ValueError, RecursionError):
            continue
        if found is not None:
            return [_text_of(each) for each in found[:_MOST]]
    lines = (_line(line) for line in answer.splitlines() if not line.strip().startswith("```"))
    return [*filter(None, lines)][:_MOST]


def _parts(answer: str) -> Iterator[str]:
    yield answer
    yield from (each[1] for each in _FENCED.finditer(answer))
    for begin, end in (("[", "]"), ("{", "}")):
        first, last = answer.find(begin), answer.rfind(end)
        if 0 <= first < last:
            yield answer[first : last + 1]


def _list_of(content: object) -> list[object] | None:
    if isinstance(content, dict):
        return next((each for each in content.values() if isinstance(each, list)), None)
    return content if isinstance(content, list) else None


def _text_of(item: object) -> str | None:
    """Return a text, or the one text of an object such as `{"prompt": "a red cup"}`."""
    if isinstance(item, dict):
        texts = [each for each in item.values() if isinstance(each, str)]
        item = texts[0] if len(texts) == 1 else None
    return item.strip() if isinstance(item, str) else None


def _line(line: str) -> str:
    text = _BULLET.sub("", line.strip()).removesuffix(",").strip()
    quoted = len(text) > 1 and text[0] + text[-1] in _QUOTES
    return text[1:-1].strip() if quoted else text
