"""The door for adapters: what is added to a pipeline that was opened. Each file is checked before diffusers sees it."""

from collections.abc import Sequence
from pathlib import Path

from synthgen.models.adapter_header import read_header
from synthgen.models.remote_code import remote_code_disabled

_PICKLES = {"use_safetensors": True}


def open_adapter(pipeline: object, path: Path, *, name: str, token: str | None = None) -> None:
    """Add an adapter to a loaded pipeline: a LoRA under a name, or with `token` a textual inversion.

    Raises:
        UsageError, ModelError: as `read_header`.
        Exception: whatever diffusers raises.
    """
    read_header(path)
    opened = {"weight_name": path.name, "local_files_only": True, **_PICKLES}
    with remote_code_disabled():
        if token is None:
            pipeline.load_lora_weights(str(path.parent), adapter_name=name, **opened)  # type: ignore[attr-defined]
        else:
            pipeline.load_textual_inversion(str(path.parent), token=token, **opened)  # type: ignore[attr-defined]


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
