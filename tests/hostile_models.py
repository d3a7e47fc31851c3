"""Folders of models that try to run code, to read elsewhere or to hang."""

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.generating.tiny import save_stable_diffusion
from tests.hostile_folders import OUTSIDE, bomb
from tests.judging.hostile import ASKS, Ask, spoil
from tests.judging.tiny_asked import edit


def painter(home: Path) -> Path:
    save_stable_diffusion(home / "painter")
    (home / "painter/evil.py").write_text(f"open({str(home / 'PWNED')!r}, 'w')\n")
    return home / "painter"


def edited(file: str, **changes: object) -> Callable[[Path], object]:
    return lambda folder: edit(folder / file, **changes)


def added(file: str, content: object) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / file).write_text(json.dumps(content))

    return make


def pickled(file: str, weights: str) -> Callable[[Path], object]:
    """Its weights are a pickle that writes a file."""

    def make(folder: Path) -> None:
        (folder / weights).unlink()
        (folder / file).write_bytes(bomb(str(folder.parent / "PWNED")))

    return make


def fifo(file: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / file).unlink(missing_ok=True)
        os.mkfifo(folder / file)

    return make


def device(file: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / file).unlink()
        (folder / file).symlink_to("/dev/zero")

    return make


_AUTO = {"AutoConfig": "evil.Part", "AutoModel": "evil.Part", "AutoTokenizer": ["evil.Part", None]}
GENERATORS: Mapping[str, Callable[[Path], object]] = {
    "a pipeline of its own": edited("model_index.json", _class_name=["evil", "Part"]),
    "a part of its own": edited("model_index.json", unet=["evil", "Part"]),
    "a part of any module": edited("model_index.json", unet=["subprocess", "Popen"]),
    "a tokenizer with code": edited("tokenizer/tokenizer_config.json", auto_map=_AUTO, tokenizer_class="Part"),
    "an encoder with code": edited("text_encoder/config.json", model_type="evil", auto_map=_AUTO),
    "weights elsewhere": added("unet/a.safetensors.index.json", {"weight_map": {"x": "../../outside/p.safetensors"}}),
    "an index in depth": lambda folder: (folder / "unet/a.safetensors.index.json").write_text("[" * 100_000),
    "an adapter": added("unet/adapter_config.json", {"base_model_name_or_path": "owner/other"}),
    "a pickle": pickled("unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.safetensors"),
    "a pipe": fifo("scheduler/scheduler_config.json"),
    "a device": device("unet/config.json"),
    "an index that is a pipe": fifo("model_index.json"),
    "an index that is a device": device("model_index.json"),
}  # fmt: skip


def _spoiled(ask: Ask, folder: Path) -> None:
    spoil(folder, ask, folder.parent / "PWNED")


JUDGES: Mapping[str, Callable[[Path], object]] = {
    **{name: partial(_spoiled, ask) for name, ask in ASKS.items()},
    "a pickle": pickled("open_clip_pytorch_model.bin", "open_clip_model.safetensors"),
    "a configuration that is a pipe": fifo("open_clip_config.json"),
    "a tokenizer that is a device": device("tokenizer_config.json"),
}  # fmt: skip
_CHAT = "{{ cycler.__init__.__globals__.os.system('touch PWNED') }}"
ASKED: Mapping[str, Callable[[Path], object]] = {
    "code of its own": edited("config.json", auto_map=_AUTO),
    "a processor with code": edited("processor_config.json", auto_map={"AutoProcessor": "evil.Part"}),
    "an image processor with code": added(
        "preprocessor_config.json", {"auto_map": {"AutoImageProcessor": "evil.Part"}, "image_processor_type": "Part"}
    ),
    "a tokenizer with code": edited("tokenizer_config.json", auto_map=_AUTO),
    "a chat template": lambda folder: (folder / "chat_template.jinja").write_text(_CHAT),
    "generation code": added("generation_config.json", {"custom_generate": "owner/code"}),
    "a kernel": edited("config.json", attn_implementation="owner/kernel"),
    "a backbone of the hub": edited("config.json", backbone="hf-hub:owner/code", use_timm_backbone=True),
    "weights elsewhere": added("model.safetensors.index.json", {"weight_map": {"a": f"../{OUTSIDE}/p.safetensors"}}),
    "a pickle": pickled("pytorch_model.bin", "model.safetensors"),
    "a pipe": fifo("config.json"),
    "a tokenizer that is a pipe": fifo("tokenizer.json"),
}  # fmt: skip
