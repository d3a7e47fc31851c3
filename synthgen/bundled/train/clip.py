"""Stage 2: the judge, a small CLIP trained from scratch on renders and captions.

A batch holds many captions that are true of many pictures ("a nurse"), so CLIP's usual target, that only
the picture's own caption is right, would be wrong. Here all true captions of a picture are its targets,
and of those a caption claims nothing that the picture does not show.
"""

import json
from pathlib import Path
from random import Random

import open_clip
import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPTokenizer

from synthgen.bundled.captions import SPOILED, UNSAID, caption, spoiled_caption
from synthgen.bundled.train.pictures import TrainingPictures, softened, spoiled
from synthgen.bundled.train.tokens import CONTEXT
from synthgen.bundled.world import SIZE
from synthgen.models.training import Schedule, train

SCHEDULE = Schedule(steps=1300, batch=112, rate=1.5e-3, average=0.99)
SPOILED_EACH = 6
"""How many pictures of a batch are spoiled in each of the four ways."""


def judge_config(words: int) -> dict[str, object]:
    """Return the content of `open_clip_config.json`."""
    return {
        "model_cfg": {
            "embed_dim": 128,
            "vision_cfg": {"image_size": SIZE, "layers": [1, 1, 1, 1], "width": 24, "head_width": 48},
            "text_cfg": {
                "context_length": CONTEXT,
                "vocab_size": words,
                "width": 128,
                "heads": 4,
                "layers": 2,
                "hf_tokenizer_name": "local",
            },
        },
        "preprocess_cfg": {
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "interpolation": "bicubic",
            "resize_mode": "squash",
        },
    }


def train_judge(
    pictures: TrainingPictures, tokenizer: CLIPTokenizer, folder: Path, device: torch.device
) -> tuple[open_clip.CLIP, float]:
    torch.manual_seed(2)
    config = judge_config(len(tokenizer))["model_cfg"]
    assert isinstance(config, dict)
    model = open_clip.CLIP(**json.loads(json.dumps(config)))

    def loss_of(rng: torch.Generator) -> Tensor:
        chosen = torch.randint(len(pictures), (SCHEDULE.batch,), generator=rng)
        words = Random(int(torch.randint(2**31, (), generator=rng)))
        pixels = pictures.images[chosen].float() / 255
        facts = pictures.facts[chosen].clone()
        captions = [caption(pictures.people[index], words) for index in chosen.tolist()]
        clean = softened(pixels, rng)
        for number, kind in enumerate(SPOILED):
            rows = slice(number * SPOILED_EACH, (number + 1) * SPOILED_EACH)
            clean[rows] = spoiled(pixels[rows], kind, rng)
            facts[rows] = UNSAID
            facts[rows, 0] = number + 1
            captions[rows] = [spoiled_caption(kind, words) for _ in range(SPOILED_EACH)]
        claims = torch.tensor([said.claims for said in captions])
        # truth[i, j]: caption j claims nothing of picture i that is not so.
        truth = ((claims[None] == UNSAID) | (claims[None] == facts[:, None])).all(2).float().to(device)
        tokens = tokenizer([said.text for said in captions], padding="max_length", return_tensors="pt").input_ids
        images, texts, scale = model((clean.to(device) - 0.5) / 0.5, tokens.to(device))
        logits = scale * images @ texts.T
        return (_soft(logits, truth) + _soft(logits.T, truth.T)) / 2

    seconds = train("judge", model, SCHEDULE, loss_of, folder, device)
    return model, seconds


def _soft(logits: Tensor, truth: Tensor) -> Tensor:
    return functional.cross_entropy(logits, truth / truth.sum(1, keepdim=True))
