"""Prompts of which a CLIP text encoder reads only the beginning."""

import re
from collections.abc import Iterator

from synthgen.spec import Spec, spaces_of

CLIP_TOKENS = 75
"""What a CLIP text encoder reads of a text: 77 places, of which two mark its beginning and its end."""
_PIECES = re.compile(r"'(?:s|t|re|ve|m|ll|d)|[^\W\d_]+|\d|(?:[^\s\w]|_)+")


def fewest_tokens(text: str) -> int:
    """Count what CLIP's tokenizer splits a text into before it looks up words: each piece is one token or more.

    Example:
        >>> fewest_tokens("a photo of a chef, 35 mm")
        9
    """
    return len(_PIECES.findall(text))


def long_prompts(spec: Spec) -> Iterator[str]:
    """Yield a warning if prompts, or the judge's texts, are surely longer than a CLIP text encoder reads."""
    spaces = (space for name in spec.classes for space in spaces_of(spec, name, {}))
    longest = max((fewest_tokens(space.longest(fewest_tokens)) for space in spaces), default=0)
    if longest > CLIP_TOKENS:
        yield (
            f"prompts have {longest} or more tokens: a CLIP text encoder, as in Stable Diffusion 1.5 and SDXL, reads "
            f"the first {CLIP_TOKENS} alone; put what matters first"
        )
    texts = [kind.definition or name for name, kind in spec.classes.items()]
    texts += [text for attribute in spec.attributes.values() for each in attribute.values.values() for text in each]
    longest = max(map(fewest_tokens, texts), default=0)
    if longest > CLIP_TOKENS:
        yield f"a definition has {longest} or more tokens: a CLIP judge reads the first {CLIP_TOKENS} alone"
