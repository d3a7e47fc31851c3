"""What a judge's folder may ask of the libraries that open it. Whatever is not listed here is refused by name.

open_clip hands the keys of `open_clip_config.json` to classes and loaders as keyword arguments, and transformers does
the same with `tokenizer_config.json`: some of them run code, fetch other models or read other files.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from synthgen.errors import UsageError
from synthgen.models.content import check_regular

CONFIG = "open_clip_config.json"
_TOKENIZER_CONFIG, _TOKENIZER = "tokenizer_config.json", "tokenizer.json"
_LARGEST = 1 << 22
"""The most bytes in a file of settings. Up to this size `content_hash` reads all of a file."""

OUTSIDE = ("auto_map", "configuration_files", "fast_tokenizer_files", "gguf_file", "merges", "vocab")
"""Keys in transformers' files that run code, or read files that may be outside the folder."""
_TOKENIZERS = (
    "BertTokenizer",
    "CLIPTokenizer",
    "CamembertTokenizer",
    "DistilBertTokenizer",
    "GPT2Tokenizer",
    "GemmaTokenizer",
    "LlamaTokenizer",
    "MT5Tokenizer",
    "NllbTokenizer",
    "PreTrainedTokenizer",
    "Qwen2Tokenizer",
    "RobertaTokenizer",
    "Siglip2Tokenizer",
    "SiglipTokenizer",
    "T5Tokenizer",
    "TokenizersBackend",
    "XLMRobertaTokenizer",
)
"""Those that do nothing but tokenize. Others start programs, or load plug-ins that the folder names."""

_Side = int | list[int]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _NormOptions(_Closed):
    eps: float | None = None


class _ActivationOptions(_Closed):
    approximate: Literal["none", "tanh"] | None = None


class _TokenizerOptions(_Closed):
    clean: Literal["canonicalize", "lower", "whitespace"] | None = None
    language: str | None = None
    strip_sep_token: bool | None = None


class _Tower(_Closed):
    act_kwargs: _ActivationOptions | None = None
    block_type: str | None = None
    final_ln_after_pool: bool = False
    layers: _Side | None = None
    ls_init_value: float | None = None
    mlp_ratio: float | None = None
    norm_kwargs: _NormOptions | None = None
    output_tokens: bool = False
    pool_type: str | None = None
    qk_norm: bool = False
    scale_attn: bool = False
    scale_attn_inner: bool = False
    scale_fc: bool = False
    scale_heads: bool = False
    scaled_cosine_attn: bool = False
    width: int | None = None


class _Vision(_Tower):
    attentional_pool: bool = False
    attn_pooler_heads: int | None = None
    attn_pooler_queries: int | None = None
    head_width: int | None = None
    image_size: _Side | None = None
    no_ln_pre: bool = False
    patch_dropout: float | None = None
    patch_size: _Side | None = None
    pos_embed_type: str | None = None
    # A name of timm's own: with a colon or a slash it would be a repository on the hub, or a folder.
    timm_model_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]+$")] | None = None
    timm_drop: float | None = None
    timm_drop_path: float | None = None
    timm_model_pretrained: bool = False
    timm_pool: str | None = None
    timm_proj: str | None = None
    timm_proj_bias: bool = False


class _Text(_Tower):
    context_length: int | None = None
    embed_cls: bool = False
    eos_id: int | None = None
    heads: int | None = None
    hf_model_name: None = None  # another model on the hub, or a folder
    hf_model_pretrained: bool = False
    hf_pooler_type: str | None = None
    hf_proj_type: str | None = None
    hf_tokenizer_name: str | None = None
    no_causal_mask: bool = False
    pad_id: int | None = None
    proj_bias: bool = False
    proj_type: str | None = None
    tokenizer_kwargs: _TokenizerOptions = _TokenizerOptions()
    tokenizer_mode: Literal["", "clips"] | None = None
    vocab_size: int | None = None


class _Multimodal(_Text):
    attn_pooler_heads: int | None = None
    dim_head: int | None = None
    n_queries: int | None = None


class _Model(_Closed):
    custom_text: bool = False
    embed_dim: int
    init_logit_bias: float | None = None
    init_logit_scale: float | None = None
    multimodal_cfg: _Multimodal | None = None
    nonscalar_logit_scale: bool = False
    pad_id: int | None = None
    quick_gelu: bool = False
    text_cfg: _Text
    vision_cfg: _Vision


_Channels = Annotated[list[float], Field(min_length=3, max_length=3)]


class _Preprocessing(BaseModel):
    """open_clip takes no other keys than these."""

    model_config = ConfigDict(extra="ignore", strict=True)

    fill_color: _Side | None = None
    interpolation: str | None = None
    mean: _Channels | None = None
    mode: Literal["RGB"] | None = None
    resize_mode: str | None = None
    size: _Side | None = None
    std: _Channels | None = None


class _Config(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    model_cfg: _Model
    preprocess_cfg: _Preprocessing | None = None


def check_folder(folder: Path) -> bool:
    """Check what in a judge's folder tells a library what to do; return whether it has a Hugging Face tokenizer.

    Raises:
        UsageError: it asks for what is not listed here: code, another model, or an unknown setting.
        OSError, ValueError: a file cannot be read, or is not JSON.
    """
    check_regular(folder)
    try:
        text = _Config.model_validate(read_settings(folder / CONFIG)).model_cfg.text_cfg
    except ValidationError as error:
        raise refusal(folder / CONFIG, [_in_one_line(problem) for problem in error.errors(include_url=False)]) from None
    _check_weights(folder)
    for name in ("config.json", _TOKENIZER_CONFIG):
        if (folder / name).is_file():
            check_transformers(folder / name)
    if not text.hf_tokenizer_name:
        return False
    own = any((folder / name).is_file() for name in (_TOKENIZER_CONFIG, _TOKENIZER))
    if not own and text.hf_tokenizer_name != "local":
        what = f"it names {shown(text.hf_tokenizer_name)}, and only a tokenizer in the judge's own folder is opened"
        raise refusal(folder / CONFIG, [f"model_cfg.text_cfg.hf_tokenizer_name: {what}"])
    return True


def read_settings(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise refusal(path, [f"it has more than {_LARGEST >> 20} MiB"])
    try:
        return json.loads(content.decode("utf-8"))
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{path.name} is not valid JSON: {error}") from error


def _in_one_line(problem: Any) -> str:
    """Describe an error of pydantic's in one line."""
    path = [part for part in problem["loc"] if part not in ("int", "list[int]", "constrained-str")]
    place = ".".join(map(shown, path))
    if problem["type"] == "extra_forbidden":
        return f"{place}: this setting is not allowed in a judge"
    if path[-1:] == ["hf_model_name"]:
        return f"{place}: it names {shown(problem['input'])}, and a judge must not name another model"
    if path[-1:] == ["timm_model_name"]:
        return f"{place}: expected the name of an architecture of timm, found {shown(problem['input'])}"
    message = str(problem["msg"])
    return f"{place}: {message[:1].lower()}{message[1:]}"


def check_transformers(path: Path) -> None:
    content = read_settings(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds no JSON object")
    problems = [f"{key}: this setting is not allowed" for key in OUTSIDE if content.get(key) is not None]
    if (kind := content.get("tokenizer_class")) is not None and not is_known_tokenizer(kind):
        problems.append(f"tokenizer_class: {shown(kind)} is not one of {', '.join(_TOKENIZERS)}")
    if path.name != _TOKENIZER_CONFIG and (kind := content.get("model_type")) is not None:
        from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

        chosen = TOKENIZER_MAPPING_NAMES.get(kind) if isinstance(kind, str) else kind
        if chosen is not None and not is_known_tokenizer(chosen):
            problems.append(f"model_type: {shown(kind)} has the tokenizer {shown(chosen)}, which may not be used")
    if problems:
        raise refusal(path, problems)


def is_known_tokenizer(tokenizer: object) -> bool:
    return isinstance(tokenizer, str) and tokenizer.removesuffix("Fast") in _TOKENIZERS


def _check_weights(folder: Path) -> None:
    """Refuse pickles: open_clip prefers one to a safetensors file that has another name than these."""
    if any((folder / f"open_clip_{name}.safetensors").is_file() for name in ("model", "pytorch_model")):
        return
    if hidden := sorted(folder.glob(".*.safetensors")):
        raise refusal(hidden[0], ["these weights are in a hidden file, which the judge's hash does not cover"])
    if pickles := sorted(path for end in ("bin", "pth") for path in folder.glob(f"*.{end}")):
        raise refusal(pickles[0], ["these weights are a pickle, and only open_clip_model.safetensors is opened"])
    if not any(folder.glob("*.safetensors")):
        raise FileNotFoundError("it has no weights in open_clip_model.safetensors")


def refusal(path: Path, problems: list[str]) -> UsageError:
    lines = "\n".join(f"{path}: {problem}" for problem in problems[:5])
    hint = "A model may neither bring code nor name another one. Choose another model, or remove what is named here."
    return UsageError(lines, hint=hint)


def shown(name: object) -> str:
    return name if isinstance(name, str) and name.isprintable() and len(name) < 100 else ascii(name)[:100]
