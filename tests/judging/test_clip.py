"""Our tensors go through a CLIP as open_clip's own preprocessing would send them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import open_clip
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from synthgen.errors import ModelError
from synthgen.judging.clip import Clip
from tests.judging.tiny import pictures, save_judge

CPU = torch.device("cpu")


def reference(folder: Path, images: Tensor) -> Tensor:
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    pixels = [preprocess(Image.fromarray(image.permute(1, 2, 0).numpy())) for image in images]
    with torch.inference_mode():
        return functional.normalize(model.eval().encode_image(torch.stack(pixels)), dim=1)


@pytest.mark.parametrize("size", [(64, 64), (96, 96), (40, 40), (80, 121), (150, 64)], ids=str)
@pytest.mark.parametrize("mode", ["squash", "shortest", "longest"])
def test_embeddings_agree_with_the_reference_preprocessing(tmp_path: Path, mode: str, size: tuple[int, int]) -> None:
    save_judge(tmp_path / "judge", resize_mode=mode, mean=[0.48, 0.46, 0.41], std=[0.27, 0.26, 0.28])
    images = pictures(3, side=160)[:, :, : size[0], : size[1]]
    ours = Clip(f"local-dir:{tmp_path / 'judge'}", CPU).embed_images(images)
    theirs = reference(tmp_path / "judge", images)
    # Embeddings of random weights all point one way: what tells images apart is what must agree.
    centre = theirs.mean(0)
    assert float(functional.cosine_similarity(ours, theirs).min()) > 0.999
    assert float(functional.cosine_similarity(ours - centre, theirs - centre).min()) > 0.99


def test_pictures_of_several_sizes_are_embedded_as_each_would_be_alone(judge_folder: Path) -> None:
    clip = Clip(f"local-dir:{judge_folder}", CPU)
    several = [pictures(1, side=side)[0, :, :, :width] for side, width in ((64, 64), (96, 50), (40, 40))]
    alone = torch.cat([clip.embed_images(picture[None]) for picture in several])
    assert torch.allclose(clip.embed_pictures(several), alone, atol=1e-5)


@pytest.mark.slow
def test_out_of_memory_halves_the_batch_and_embeds_the_same(judge_folder: Path) -> None:
    # A process of its own, whose address space ends a little above what it has once the model is loaded.
    program = [sys.executable, "-m", "tests.judging.out_of_memory", f"local-dir:{judge_folder}"]
    root = Path(__file__).parents[2]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["images"] == 2000
    assert told["alike"] > 0.9999
    assert "cpu ran out of memory judging 2000 images at once: 1000 from here on" in done.stderr


def test_texts_are_embedded_as_open_clip_does_alone_or_together(judge_folder: Path) -> None:
    clip = Clip(f"local-dir:{judge_folder}", CPU)
    texts = [f"a picture of a doctor {number}" for number in range(300)]  # more than go at once
    ours = clip.embed_texts(texts)
    model = open_clip.create_model(f"local-dir:{judge_folder}").eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{judge_folder}")(texts)
    with torch.inference_mode():
        assert torch.allclose(ours, functional.normalize(model.encode_text(tokens), dim=1), atol=1e-5)
    assert torch.allclose(clip.embed_texts(texts[-1:])[0], ours[-1], atol=1e-5)
    assert torch.allclose(ours.norm(dim=1), torch.ones(300))
    assert clip.logit_scale == pytest.approx(float(model.logit_scale.detach().exp()))


@pytest.mark.parametrize("damage", ["missing", "no weights", "truncated", "no json", "no tokenizer", "unknown"])
def test_a_judge_that_cannot_be_loaded_is_a_model_error(judge_folder: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(judge_folder, folder)
    weights, judge_id = folder / "open_clip_model.safetensors", f"local-dir:{folder}"
    match damage:
        case "missing":
            shutil.rmtree(folder)
        case "no weights":
            weights.unlink()
        case "truncated":
            weights.write_bytes(weights.read_bytes()[:5000])
        case "no json":
            (folder / "open_clip_config.json").write_text("{")
        case "no tokenizer":
            (folder / "tokenizer.json").unlink()
            (folder / "tokenizer_config.json").unlink()
        case "unknown":
            judge_id = "NoSuchArchitecture/openai"
    with pytest.raises(ModelError, match="cannot be loaded") as raised:
        Clip(judge_id, CPU)
    assert raised.value.hint is not None
    assert "judge.id" in raised.value.hint


def test_offline_an_uncached_judge_is_a_model_error() -> None:
    with pytest.raises(ModelError, match="hf-hub:owner/judge cannot be loaded"):
        Clip("hf-hub:owner/judge", CPU)
