"""Adapters that were made for another model are refused by `plan`: their headers tell, and no weights are read."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.command import command_line

SPEC = """\
synthgen: 1
name: x
model: {{id: "{folder}", adapters: [{adapter}]}}
judge: {{id: "bundled:judge"}}
classes: {{chef: 1}}
prompts: {{templates: ["a {{class}}"]}}
"""
_UNET = {"down_block_types": ["CrossAttnDownBlock2D"], "attention_head_dim": 8, "in_channels": 4}
_DEEP = "down_blocks.1.attentions.0.transformer_blocks.0"
Shapes = dict[str, list[int]]
MODELS: dict[str, tuple[str, dict[str, object], Shapes]] = {
    "sd": (
        "StableDiffusionPipeline",
        {**_UNET, "cross_attention_dim": 768},
        {f"{_DEEP}.attn1.to_q": [640, 640], f"{_DEEP}.attn2.to_k": [640, 768]},
    ),
    "xl": (
        "StableDiffusionXLPipeline",
        {**_UNET, "cross_attention_dim": 2048},
        {f"{_DEEP}.attn1.to_q": [640, 640], f"{_DEEP}.attn2.to_k": [640, 2048]},
    ),
    "sd3": (
        "StableDiffusion3Pipeline",
        {"num_attention_heads": 24, "attention_head_dim": 64},
        {f"transformer_blocks.0.attn.{name}": [1536, 1536] for name in ("to_q", "add_q_proj")},
    ),
    "flux": (
        "FluxPipeline",
        {"num_attention_heads": 24, "attention_head_dim": 128, "guidance_embeds": True},
        {
            **{f"transformer_blocks.0.attn.{name}": [3072, 3072] for name in ("to_q", "add_q_proj")},
            "single_transformer_blocks.0.attn.to_q": [3072, 3072],
        },
    ),
    "qwen": (
        "QwenImagePipeline",
        {"num_attention_heads": 24, "attention_head_dim": 128},
        {f"transformer_blocks.0.attn.{name}": [3072, 3072] for name in ("to_q", "add_q_proj")}
        | {"transformer_blocks.0.img_mod.1": [18432, 3072]},
    ),
    "z-image": (
        "ZImagePipeline",
        {"n_heads": 30, "dim": 3840},
        {"layers.0.attention.to_q": [3840, 3840], "layers.0.feed_forward.w1": [10240, 3840]},
    ),
}
KOHYA: dict[str, Shapes] = {  # the layers as the model's first publisher named them
    "sd": MODELS["sd"][2],
    "xl": {
        "input_blocks.4.1.transformer_blocks.0.attn1.to_q": [640, 640],
        "input_blocks.4.1.transformer_blocks.0.attn2.to_k": [640, 2048],
    },
    "sd3": {"joint_blocks.0.x_block.attn.qkv": [4608, 1536]},
    "flux": {"double_blocks.0.img_attn.qkv": [9216, 3072], "single_blocks.0.linear1": [21504, 3072]},
}
PAIRS = [
    ("xl", "sd", "takes 768 values, and the model's 2048"),
    ("sd", "xl", "takes 2048 values, and the model's 768"),
    ("sd3", "flux", "3072 values, and the model's 1536"),
    ("flux", "sd3", "1536 values, and the model's 3072"),
    ("flux", "qwen", "the model has no layer transformer_blocks_0_img_mod_1"),
    ("qwen", "flux", "the model has no layer single_transformer_blocks_0_attn_to_q"),
    ("sd", "flux", "its layers are not those of a UNet"),
    ("flux", "xl", "its layers are those of a UNet, and the model is a transformer"),
    ("z-image", "flux", "the model has no layer"),
    ("flux", "z-image", "the model has no layer layers_0_attention_to_q"),
]
KOHYA_PAIRS = [
    ("xl", "sd", "takes 768 values, and the model's 2048"),
    ("sd", "xl", "it looks at texts 2048 values wide, and the model's are 768"),
    ("sd3", "flux", "its layers have the names of another model; it is made for a FLUX-like transformer"),
    ("flux", "sd3", "its layers have the names of another model; it is made for Stable Diffusion 3"),
    ("qwen", "flux", "its layers have the names of another model; it is made for a FLUX-like transformer"),
    ("sd", "flux", "its layers are not those of a UNet"),
]


def write_header(file: Path, shapes: Mapping[str, list[int]]) -> None:
    """Write a safetensors file that has nothing behind its header: who reads its weights fails."""
    header = {name: {"dtype": "F16", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    text = json.dumps(header).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(struct.pack("<Q", len(text)) + text)


def write_model(folder: Path, name: str) -> Path:
    pipeline, config, layers = MODELS[name]
    part, kind = ("unet", "UNet2DConditionModel") if "down_block_types" in config else ("transformer", "Transformer")
    write_header(
        folder / part / "diffusion_pytorch_model.safetensors", {f"{one}.weight": at for one, at in layers.items()}
    )
    (folder / part / "config.json").write_text(json.dumps(config))
    (folder / "model_index.json").write_text(json.dumps({"_class_name": pipeline, part: ["diffusers", kind]}))
    return folder


def factors(layer: str, shape: list[int], before: str, sides: tuple[str, str]) -> Shapes:
    """Name the factors of a LoRA of rank 4 of one layer."""
    return {f"{before}{layer}.{sides[0]}.weight": [4, shape[1]], f"{before}{layer}.{sides[1]}.weight": [shape[0], 4]}


def lora_of(name: str) -> Shapes:
    before = "unet." if "down_block_types" in MODELS[name][1] else "transformer."
    found = [factors(layer, shape, before, ("lora_A", "lora_B")) for layer, shape in MODELS[name][2].items()]
    return {key: shape for one in found for key, shape in one.items()}


def kohya_of(name: str) -> Shapes:
    found = [
        factors(layer.replace(".", "_"), shape, "lora_unet_", ("lora_down", "lora_up"))
        for layer, shape in KOHYA[name].items()
    ]
    alphas = {f"lora_unet_{layer.replace('.', '_')}.alpha": [1] for layer in KOHYA[name]}
    return {key: shape for one in found for key, shape in one.items()} | alphas


def planned(
    folder: Path, model: str, shapes: Mapping[str, list[int]], capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    adapter, place = folder / "style.safetensors", write_model(folder / model, model)
    write_header(adapter, shapes)
    (folder / "spec.yaml").write_text(SPEC.format(folder=place, adapter=json.dumps({"id": str(adapter)})))
    code = command_line(["plan", str(folder / "spec.yaml")])
    return code, "".join(capsys.readouterr())


@pytest.mark.parametrize(("model", "made_for", "said"), PAIRS, ids=lambda one: one if len(one) < 10 else "")
def test_a_lora_of_another_model_is_refused(
    model: str, made_for: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed = planned(tmp_path, model, lora_of(made_for), capsys)
    assert (code, "model.adapters.0.id" in printed) == (2, True), printed
    assert said in " ".join(printed.split())


@pytest.mark.parametrize(("model", "made_for", "said"), KOHYA_PAIRS, ids=lambda one: one if len(one) < 10 else "")
def test_a_lora_of_another_model_with_its_first_publishers_names_is_refused(
    model: str, made_for: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed = planned(tmp_path, model, kohya_of(made_for), capsys)
    assert (code, "model.adapters.0.id" in printed) == (2, True), printed
    assert said in " ".join(printed.split())


@pytest.mark.parametrize("name", [*MODELS, *(f"kohya-{name}" for name in KOHYA)])
def test_a_lora_of_the_model_is_taken(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = name.removeprefix("kohya-")
    code, printed = planned(tmp_path, model, lora_of(name) if name == model else kohya_of(model), capsys)
    assert code == 0, printed


@pytest.mark.parametrize(
    ("model", "shapes", "said"),
    [
        (
            "sd",
            {"lora_unet_mid_block_attn1_to_q.hada_w1_a": [4, 640]},
            "of a LoHa adapter, which",
        ),
        ("xl", {"lora_unet_mid_block_attn1_to_q.lokr_w1": [4, 4]}, "of a LoKr adapter, which"),
        ("z-image", {"diffusion_model.layers.0.attention.to_q.hada_w1_a": [4, 3840]}, "of a LoHa adapter"),
        ("flux", {"transformer.transformer_blocks.0.attn.to_q.oft_R.weight": [4, 8]}, "of a OFT adapter"),
        ("sd", {"image_proj.proj.weight": [8, 8], "ip_adapter.1.to_k_ip.weight": [8, 8]}, "which is shown a picture"),
        ("xl", {"1.to_k_ip.weight": [8, 8], "1.to_v_ip.weight": [8, 8]}, "it is an IP-Adapter"),
        ("sd", {"emb_params": [2, 768]}, "a textual inversion needs `kind: textual_inversion`"),
    ],
)
def test_what_diffusers_does_not_read_as_a_lora_is_refused_with_what_it_is(
    model: str, shapes: Shapes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed = planned(tmp_path, model, shapes, capsys)
    assert code == 2, printed
    assert said in " ".join(printed.split())


def test_a_lokr_of_a_model_that_takes_it_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shapes = {f"diffusion_model.layers.0.attention.to_q.lokr_w{place}": [4, 4] for place in (1, 2)}
    code, printed = planned(tmp_path, "z-image", shapes, capsys)
    assert code == 0, printed
