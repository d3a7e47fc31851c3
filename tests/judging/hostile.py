"""Judges whose files ask for more than a judge may: code, other models, other files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

CODE = """\
from pathlib import Path
from transformers import PreTrainedTokenizerFast
Path({mark!r}).write_text("ran")
class Tok(PreTrainedTokenizerFast): pass
"""
CONFIG, TOKENIZER = "open_clip_config.json", "tokenizer_config.json"


class Ask(NamedTuple):
    """What a judge's files say, by file and key; and the one of both that a refusal must name."""

    settings: Mapping[str, Mapping[str, Any]]
    file: str
    key: str


def _text(**changes: Any) -> Mapping[str, Mapping[str, Any]]:
    return {CONFIG: {f"model_cfg.text_cfg.{key}": value for key, value in changes.items()}}


def _vision(**changes: Any) -> Mapping[str, Mapping[str, Any]]:
    return {CONFIG: {f"model_cfg.vision_cfg.{key}": value for key, value in changes.items()}}


_OWN, _OTHERS = ({"AutoTokenizer": [f"{where}evil.Tok"] * 2} for where in ("", "owner/code--"))
_TRUST = {CONFIG: {"model_cfg.text_cfg.tokenizer_kwargs": {"trust_remote_code": True}}}

ASKS = {
    "code of its own": Ask(
        {**_TRUST, TOKENIZER: {"auto_map": _OWN, "tokenizer_class": "Tok"}}, CONFIG, "trust_remote_code"
    ),
    "code of another": Ask({**_TRUST, TOKENIZER: {"auto_map": _OTHERS}}, CONFIG, "trust_remote_code"),
    "code, not trusted": Ask({TOKENIZER: {"auto_map": _OWN}}, TOKENIZER, "auto_map"),
    "code, old format": Ask({TOKENIZER: {"auto_map": ["evil.Tok", None]}}, TOKENIZER, "auto_map"),
    "code of another, not trusted": Ask({TOKENIZER: {"auto_map": _OTHERS}}, TOKENIZER, "auto_map"),
    "code in config.json": Ask(
        {"config.json": {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Tok"}}}, "config.json", "auto_map"
    ),
    "a tokenizer that runs programs": Ask(
        {TOKENIZER: {"tokenizer_class": "BertJapaneseTokenizer"}}, TOKENIZER, "tokenizer_class"
    ),
    "a type whose tokenizer runs programs": Ask(
        {"config.json": {"model_type": "bert-japanese"}}, "config.json", "model_type"
    ),
    "a setting that nobody knows": Ask(
        _text(tokenizer_kwargs={"frobnicate": 1}), CONFIG, "tokenizer_kwargs.frobnicate"
    ),
    "a vocabulary elsewhere": Ask(
        _text(tokenizer_kwargs={"bpe_path": "/etc/passwd"}), CONFIG, "tokenizer_kwargs.bpe_path"
    ),
    "data of nltk": Ask(
        _text(tokenizer_kwargs={"reduction_mask": "syntax"}), CONFIG, "tokenizer_kwargs.reduction_mask"
    ),
    "a text tower of another": Ask(_text(hf_model_name="owner/code"), CONFIG, "hf_model_name"),
    "a text tower elsewhere": Ask(_text(hf_model_name="/etc"), CONFIG, "hf_model_name"),
    "an image tower of another": Ask(_vision(timm_model_name="hf-hub:owner/code"), CONFIG, "timm_model_name"),
    "an image tower elsewhere": Ask(_vision(timm_model_name="local-dir:/etc"), CONFIG, "timm_model_name"),
    "a keyword of the class": Ask({CONFIG: {"model_cfg.cache_dir": "/tmp"}}, CONFIG, "model_cfg.cache_dir"),
    "a keyword of the norm": Ask(_vision(norm_kwargs={"device": "meta"}), CONFIG, "norm_kwargs.device"),
    "files elsewhere": Ask(
        {TOKENIZER: {"fast_tokenizer_files": ["../other/tokenizer.1.0.json"]}}, TOKENIZER, "fast_tokenizer_files"
    ),
}


def spoil(folder: Path, ask: Ask, mark: Path) -> None:
    """Make a judge ask for it. Its code, should it run, writes to `mark`."""
    (folder / "evil.py").write_text(CODE.format(mark=str(mark)))
    for name, changes in ask.settings.items():
        path = folder / name
        content = json.loads(path.read_text()) if path.is_file() else {}
        for key, value in changes.items():
            *parents, last = key.split(".")
            place = content
            for parent in parents:
                place = place[parent]
            place[last] = value
        path.write_text(json.dumps(content))
