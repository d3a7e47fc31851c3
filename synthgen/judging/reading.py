"""How much a CLIP judge reads of a text, from its configuration. Importing this file imports no torch."""

import string
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from synthgen.bounded import read_object
from synthgen.families.tokens import Counter, Cut, clip_tokenizer, tokenizer_of

_DEFAULT = 77
"""open_clip's, where a configuration says nothing."""
_LOCAL, _HUB, _CONFIG = "local-dir:", "hf-hub:", "open_clip_config.json"
_WITHOUT_MARKS = str.maketrans("", "", string.punctuation)


class ReadLength(NamedTuple):
    """What counts tokens as a judge does, and how many it reads.

    Attributes:
        clean: how open_clip cleans a text before: it makes texts of SigLIP shorter.
    """

    counter: Counter
    limit: int
    clean: str = "whitespace"

    def cut(self, text: str) -> Cut | None:
        """Return what is cut off a text; None if it is read to its end."""
        if self.clean == "canonicalize":
            text = text.replace("_", " ").translate(_WITHOUT_MARKS).lower()
        elif self.clean == "lower":
            text = text.lower()
        text = " ".join(text.split())
        return self.counter.cuts([text], self.limit).get(text)


def reading_of(judge_id: str, revision: str | None = None) -> ReadLength | None:
    """Find out how much a judge reads; None if its files are not here, or its tokenizer is of another kind.

    Args:
        judge_id: as open_clip names it: `local-dir:FOLDER`, `hf-hub:owner/name` or `architecture/weights`.
        revision: the commit of a judge from the hub.
    """
    folder = _folder(judge_id, revision)
    try:
        if folder is not None:
            text = _mapping(_mapping(read_object(folder / _CONFIG).get("model_cfg")).get("text_cfg"))
        else:
            text = _mapping(read_object(_architecture(judge_id)).get("text_cfg"))
    except (OSError, ValueError):
        return None
    if (own := text.get("hf_tokenizer_name")) is not None:
        place = folder or _cached(str(own), "tokenizer.json", None)
        tokenizer = tokenizer_of(place) if place is not None else None
    else:
        tokenizer = clip_tokenizer()
    limit, clean = text.get("context_length", _DEFAULT), _mapping(text.get("tokenizer_kwargs")).get("clean")
    if tokenizer is None or not isinstance(limit, int):
        return None
    return ReadLength(Counter(tokenizer), limit, clean if isinstance(clean, str) else "whitespace")


def _folder(judge_id: str, revision: str | None) -> Path | None:
    if judge_id.startswith(_LOCAL):
        return Path(judge_id.removeprefix(_LOCAL))
    if judge_id.startswith(_HUB):
        # Where it is not cached, this is no folder: nothing can be read.
        return _cached(judge_id.removeprefix(_HUB), _CONFIG, revision) or Path(judge_id)
    return None


def _cached(hub_id: str, name: str, revision: str | None) -> Path | None:
    """Return the folder of a file in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(hub_id, name, revision=revision)
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def _architecture(judge_id: str) -> Path:
    spec = find_spec("open_clip")
    name = judge_id.partition("/")[0].replace("/", "-")
    return Path(spec.origin or "").parent / "model_configs" / f"{name}.json" if spec else Path(name)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
