"""The door for adapters: what is added to a pipeline that was opened. Each file is checked before diffusers sees it."""

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from synthgen.models.adapter_header import ENCODERS, read_header
from synthgen.models.remote_code import remote_code_disabled

_PICKLES = {"use_safetensors": True}


def open_adapter(pipeline: object, path: Path, *, name: str, token: str | None = None) -> None:
    """Add an adapter to a loaded pipeline: a LoRA under a name, or with `token` a textual inversion.

    Raises:
        UsageError, ModelError: as `read_header`.
        Exception: whatever diffusers raises.
    """
    header = read_header(path)
    opened = {"weight_name": path.name, "local_files_only": True, **_PICKLES}
    with remote_code_disabled():
        if token is None:
            pipeline.load_lora_weights(str(path.parent), adapter_name=name, **opened)  # type: ignore[attr-defined]
        elif header.shapes.keys() == set(ENCODERS):
            weights = load_file(path)
            for key, end in zip(ENCODERS, ("", "_2"), strict=True):
                add_word(pipeline, weights[key], token=token, end=end)
        else:
            pipeline.load_textual_inversion(str(path.parent), token=token, **opened)  # type: ignore[attr-defined]


def add_word(pipeline: object, embedding: Tensor, *, token: str, end: str) -> None:
    """Give one text encoder of a loaded pipeline a word, with embeddings [width] or [vectors, width].

    Args:
        end: of the names of its parts: '' or '_2'.

    Raises:
        ValueError: it has the word already, or its embeddings are of another width.
    """
    parts = {part: getattr(pipeline, f"{part}{end}") for part in ("tokenizer", "text_encoder")}
    pipeline.load_textual_inversion(embedding, token=token, **parts)  # type: ignore[attr-defined]


def open_ip_adapters(pipeline: object, files: Sequence[Path]) -> None:
    """Add IP-Adapters to a loaded pipeline that has its image encoder: without it, diffusers would look for one.

    Raises:
        UsageError, ModelError: as `read_header`.
        TypeError: the pipeline has no image encoder.
        Exception: whatever diffusers raises.
    """
    if getattr(pipeline, "image_encoder", None) is None:
        raise TypeError("IP-Adapters are added to a pipeline with an image encoder")
    for file in files:
        read_header(file)
    folders, names, inside = [str(file.parent) for file in files], [file.name for file in files], [""] * len(files)
    with remote_code_disabled():
        if len(files) == 1:
            pipeline.load_ip_adapter(folders[0], subfolder="", weight_name=names[0], local_files_only=True)  # type: ignore[attr-defined]
        else:
            pipeline.load_ip_adapter(folders, subfolder=inside, weight_name=names, local_files_only=True)  # type: ignore[attr-defined]
