"""How much a CLIP judge reads of a text, from its configuration. Importing this file imports no torch."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from synthgen.bounded import read_object
from synthgen.families.tokens import Counter, clip_tokenizer, tokenizer_of

_DEFAULT = 77
"""open_clip's, where a configuration says nothing."""
_LOCAL, _HUB, _CONFIG = "local-dir:", "hf-hub:", "open_clip_config.json"


class ReadLength(NamedTuple):
    """What counts tokens as a judge does, and how many it reads."""

    counter: Counter
    limit: int


def reading_of(judge_id: str) -> ReadLength | None:
    """Find out how much a judge reads; None if its files are not here, or its tokenizer is of another kind.

    Args:
        judge_id: as open_clip names it: `local-dir:FOLDER`, `hf-hub:owner/name` or `architecture/weights`.
    """
    folder = _folder(judge_id)
    try:
        if folder is not None:
            text = _mapping(_mapping(read_object(folder / _CONFIG).get("model_cfg")).get("text_cfg"))
        else:
            text = _mapping(read_object(_architecture(judge_id)).get("text_cfg"))
    except (OSError, ValueError):
        return None
    own = text.get("hf_tokenizer_name") is not None
    if own and folder is None:
        return None
    tokenizer = tokenizer_of(folder) if own and folder is not None else clip_tokenizer()
    limit = text.get("context_length", _DEFAULT)
    return ReadLength(Counter(tokenizer), limit) if tokenizer is not None and isinstance(limit, int) else None


def _folder(judge_id: str) -> Path | None:
    if judge_id.startswith(_LOCAL):
        return Path(judge_id.removeprefix(_LOCAL))
    if judge_id.startswith(_HUB):
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(judge_id.removeprefix(_HUB), _CONFIG)
        return (
            Path(found).parent if isinstance(found, str) else Path(judge_id)
        )  # which is no folder: nothing can be read
    return None


def _architecture(judge_id: str) -> Path:
    spec = find_spec("open_clip")
    name = judge_id.partition("/")[0].replace("/", "-")
    return Path(spec.origin or "").parent / "model_configs" / f"{name}.json" if spec else Path(name)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
