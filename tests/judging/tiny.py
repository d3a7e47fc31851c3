"""An open_clip folder as the bundled judge's, with few random weights; and what to show it."""

import json
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file
from torch import Tensor

from synthgen.bundled.train.clip import judge_config
from synthgen.bundled.train.tokens import build_tokenizer
from synthgen.records import Candidate, Rendered
from synthgen.spec import Spec, parse_spec

SPEC = """\
synthgen: 1
name: judged
model: {id: "bundled:workers"}
judge: {id: "local-dir:judge"}
classes:
  doctor: 5
  chef: {count: 5, definition: "a cook in a {tall} hat"}
  police_officer: {count: 5, prompts: [police]}
prompts: {templates: ["a {class}"]}
attributes:
  skin_tone:
    values: {light: ["light skin"], medium: ["medium skin", "a person with medium skin"], dark: ["dark skin"]}
"""


def save_judge(folder: Path, **preprocessing: object) -> None:
    """Save a judge with random weights; `preprocessing` replaces keys of its `preprocess_cfg`."""
    tokenizer = build_tokenizer()
    config = json.loads(json.dumps(judge_config(len(tokenizer))))
    config["model_cfg"]["vision_cfg"] |= {"width": 8, "head_width": 16}
    config["model_cfg"] |= {"embed_dim": 16}
    config["model_cfg"]["text_cfg"] |= {"width": 16, "heads": 2, "layers": 1}
    config["preprocess_cfg"] |= preprocessing
    folder.mkdir(parents=True)
    tokenizer.save_pretrained(folder)
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    model = open_clip.CLIP(**config["model_cfg"])
    state = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")


def spec_with(*overrides: str) -> Spec:
    return parse_spec(SPEC, overrides=overrides)


def pictures(count: int, side: int = 64) -> Tensor:
    """Bytes [n, 3, side, side]: each a blob of another colour and place, with some grain."""
    rng = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 8, 8, generator=rng)
    grown = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False)
    grain = 0.1 * torch.rand(count, 3, side, side, generator=rng)
    return (grown + grain).clamp(0, 1).mul(255).byte()


def rendered(image: Tensor, attempt: int = 0, class_name: str = "doctor", label: int = 0) -> Rendered:
    prompt = f"a {class_name}"
    candidate = Candidate(
        f"00000-{attempt:06d}", 0, attempt, class_name, class_name, label, prompt, (), prompt, "", attempt
    )
    return Rendered(candidate, image, None, 0.1, 1)
