"""Adapters: pinned, refused by their headers before weights load, and switched on for the images that are meant."""

import json
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

import synthgen
from synthgen.errors import ModelError, SpecError, UsageError
from synthgen.generating.renderer import Renderer
from synthgen.models import locate
from synthgen.models.adapter_header import read_header
from synthgen.models.adapters import find_adapter
from synthgen.spec import ModelSpec, Spec, parse_spec
from tests.generating.tiny import candidate, save_stable_diffusion, save_stable_diffusion_xl

CANDIDATES = [replace(candidate(at), class_name="doctor" if at % 2 else "chef") for at in range(4)]


def save_lora(pipeline: StableDiffusionPipeline | StableDiffusionXLPipeline, file: Path, seed: int) -> None:
    torch.manual_seed(seed)
    pipeline.unet.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=["to_k", "conv1"], init_lora_weights=False))
    state = get_peft_model_state_dict(pipeline.unet)
    save_file({f"unet.{name}": weight.half().contiguous() for name, weight in state.items()}, file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("adapters")
    save_stable_diffusion(place / "sd")
    save_stable_diffusion_xl(place / "xl")
    for seed in range(2):
        save_lora(StableDiffusionPipeline.from_pretrained(place / "sd"), place / f"l{seed}.safetensors", seed)
    save_lora(StableDiffusionXLPipeline.from_pretrained(place / "xl"), place / "of_xl.safetensors", 3)
    return place


def drawn(folder: Path, *adapters: dict[str, object], batch: int = 16) -> np.ndarray:
    named = [{**one, "id": f"{folder}/{one['id']}.safetensors"} for one in adapters]
    model = ModelSpec.model_validate({"id": f"{folder}/sd", "steps": 2, "adapters": named})
    files = [find_adapter(one) for one in model.adapters]
    generator = Renderer(model, locate(model.id), "cpu", batch, files)
    generator.setup()
    made = [one for at in range(0, 4, batch) for one in generator.render(CANDIDATES[at : at + batch])]
    assert [one.candidate for one in made] == CANDIDATES
    return np.stack([one.image.numpy().astype(int) for one in made if one.image is not None])


def spec(folder: Path, adapter: object) -> Spec:
    text = (
        f"synthgen: 1\nname: x\nmodel: {{id: '{folder}/sd', adapters: [{json.dumps(adapter)}]}}\n"
        "classes: {doctor: 2, chef: 2}\njudge: {id: 'bundled:judge'}\nprompts: {templates: ['a {class}']}\n"
    )
    return parse_spec(text)


def test_weight_zero_changes_nothing_and_two_adapters_act_together(folder: Path) -> None:
    plain, first, second = drawn(folder), drawn(folder, {"id": "l0"}), drawn(folder, {"id": "l1"})
    both = drawn(folder, {"id": "l0"}, {"id": "l1"})
    assert (drawn(folder, {"id": "l0", "weight": 0.0}) == plain).all()
    assert all(np.abs(one - other).max() > 5 for one, other in ((plain, first), (first, both), (second, both)))


def test_an_adapter_of_one_class_changes_that_class_alone_at_any_batch_size(folder: Path) -> None:
    plain, everywhere = drawn(folder), drawn(folder, {"id": "l0"})
    for batch in (1, 4):
        made = drawn(folder, {"id": "l0", "when": {"class": ["doctor"]}}, batch=batch)
        assert np.abs(made[::2] - plain[::2]).max() <= 1
        assert np.abs(made[1::2] - everywhere[1::2]).max() <= 1
    assert np.abs(plain[1::2] - everywhere[1::2]).max() > 5


def test_an_adapter_is_pinned_and_one_for_another_model_is_refused_by_plan(folder: Path) -> None:
    plan = synthgen.plan(spec(folder, {"id": f"{folder}/l0.safetensors"}))
    assert plan.revisions.adapters["l0"].startswith("sha256:")
    assert type(plan).from_json(plan.to_json()) == plan
    other = synthgen.plan(spec(folder, {"id": f"{folder}/l1.safetensors", "name": "l0"}))
    assert other.fingerprint != plan.fingerprint
    with pytest.raises(ModelError, match=r"of_xl\.safetensors.* does not fit .*64 values, and the model's 32"):
        synthgen.plan(spec(folder, {"id": f"{folder}/of_xl.safetensors"}))


def test_conditions_that_never_hold_and_triggers_that_no_prompt_says_are_refused(folder: Path) -> None:
    place = f"{folder}/l0.safetensors"
    with pytest.raises(SpecError, match="never has the value 'nurse'"):
        spec(folder, {"id": place, "when": {"class": ["nurse"]}})
    of_one = spec(folder, {"id": place, "when": {"class": "doctor"}})
    assert of_one == spec(folder, {"id": place, "when": {"class": ["doctor"]}})
    with pytest.raises(SpecError, match="says 'inkwork'"):
        spec(folder, {"id": place, "trigger": "inkwork"})
    with pytest.raises(SpecError, match="needs `trigger`"):
        spec(folder, {"id": place, "kind": "textual_inversion"})


def framed(header: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + bytes(4)


def described(**config: object) -> bytes:
    about = {"__metadata__": {"lora_adapter_metadata": json.dumps(config)}}
    return json.dumps({**about, "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()


HOSTILE = {
    "pickle": b"\x80\x04\x95" + bytes(40),
    "zip": b"PK\x03\x04" + bytes(40),
    "vast": framed(b"{}", 100 * 10**9),
    "outside": framed(json.dumps({"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}).encode()),
    "deep": framed(b"[" * 5000),
    "module": framed(described(megatron_config={"a": 1}, megatron_core="antigravity")),
    "pattern": framed(described(rank_pattern={"(a+)+$": 4})),
    "rank": framed(described(r=10**9)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_by_name(tmp_path: Path, name: str) -> None:
    file = tmp_path / f"{name}.safetensors"
    file.write_bytes(HOSTILE[name])
    with pytest.raises(UsageError, match=rf"{name}\.safetensors is refused"):
        read_header(file)


def test_pipes_devices_and_loops_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "device.safetensors").symlink_to("/dev/zero")
    (tmp_path / "loop.safetensors").symlink_to("loop.safetensors")
    for name in ("pipe", "device"):
        with pytest.raises(UsageError, match=f"{name}.* is not a regular file"):
            read_header(tmp_path / f"{name}.safetensors")
    with pytest.raises(ModelError, match="loop"):
        read_header(tmp_path / "loop.safetensors")
