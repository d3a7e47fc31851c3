"""Phrases that look weighted, as other programs write them: `(red hat:1.3)`."""

import re
from collections.abc import Iterator

from synthgen.spec import Spec

_WEIGHTED = re.compile(r"\([^()\n]{1,80}:\s*\d?\.\d+\)")


def weighted_phrases(spec: Spec) -> Iterator[str]:
    """Yield a warning if prompts have weighted phrases: no pipeline of diffusers reads them as such."""
    written: list[object] = [spec.prompts.model_dump(), spec.model.negative_prompt]
    written += [(kind.templates, kind.negative_prompt) for kind in spec.classes.values()]
    found = dict.fromkeys(phrase for text in texts_in(written) for phrase in _WEIGHTED.findall(text))
    if found:
        others = f" and {len(found) - 1:,} more look" if len(found) > 1 else " looks"
        yield f"{next(iter(found))!r}{others} weighted, which no pipeline of diffusers reads: it is text to the model"


def texts_in(value: object) -> Iterator[str]:
    """Yield every text in nested mappings and lists, keys too."""
    match value:
        case str():
            yield value
        case dict():
            yield from texts_in([*value, *value.values()])
        case list() | tuple():
            for each in value:
                yield from texts_in(each)
