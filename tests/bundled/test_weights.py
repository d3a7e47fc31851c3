"""The weights that ship: small, safe to load, and good enough."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors import safe_open
from torchvision.ops import box_iou
from torchvision.transforms.v2 import functional as transform

from synthgen import bundled
from synthgen.bundled.mixture import even
from synthgen.bundled.reader import ATTRIBUTES, load_reader
from synthgen.bundled.train.clip import judge_config
from synthgen.bundled.train.denoiser import build_scheduler
from synthgen.bundled.train.pictures import TrainingPictures, render_many
from synthgen.bundled.train.tokens import build_tokenizer
from synthgen.judging.clip_judge import ClipJudge
from synthgen.records import Assessment, Candidate, Rendered
from synthgen.spec import read_spec
from tests.benchmarks.bundled_figures.labelled import agreement

QUICKSTART = Path(__file__).parents[2] / "specs/quickstart.yaml"


@pytest.fixture(scope="module")
def unseen() -> TrainingPictures:
    """Renders of people drawn evenly, of a seed that no training used."""
    return render_many(300, even, seed=77)


@pytest.fixture(scope="module")
def assessments(unseen: TrainingPictures) -> list[Assessment]:
    """What the bundled judge says of the unseen renders, asked in the quickstart's words."""
    spec = read_spec(
        QUICKSTART,
        overrides=["attributes.skin_tone.abstain_below=0.0", "attributes.hair_length.abstain_below=0.0"],
    )
    classes = tuple(spec.classes)
    judge = ClipJudge(spec, f"local-dir:{bundled.JUDGE}", "", "cpu")
    judge.setup()
    shown = []
    for index, (person, image) in enumerate(zip(unseen.people, unseen.images, strict=True)):
        name, prompt = person.occupation, f"a {person.occupation}"
        candidate = Candidate("", 0, index, name, name, classes.index(name), prompt, (), prompt, "", index)
        shown.append(Rendered(candidate, image, None, 0.0, 1))
    return judge.assess(shown)


def test_the_files_are_safetensors_of_small_numbers_and_small() -> None:
    files = [path for path in bundled.WEIGHTS.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors", ".npz"}  # the judge's profile is plain arrays
    assert sum(path.stat().st_size for path in files) <= 24e6
    weights = [path for path in files if path.suffix == ".safetensors"]
    assert len(weights) == 7
    for path in weights:
        with safe_open(path, "pt") as file:
            found = [file.get_tensor(name) for name in file.keys()]  # noqa: SIM118 - no mapping
        eighths = {torch.float8_e4m3fn} if "outlines" in path.parts else set()
        assert {each.dtype for each in found} <= {torch.float16, torch.int64, *eighths}, path
        assert all(bool(each.float().isfinite().all()) for each in found), path


def test_the_files_are_as_this_code_would_write_them() -> None:
    tokenizer = build_tokenizer()
    assert json.loads((bundled.JUDGE / "open_clip_config.json").read_text()) == judge_config(len(tokenizer))
    for folder in (bundled.JUDGE, bundled.GENERATOR / "tokenizer"):
        saved = json.loads((folder / "tokenizer.json").read_text())
        assert saved["model"]["vocab"] == tokenizer.get_vocab()
    json.loads((bundled.WEIGHTS / "training.json").read_text())


def test_the_generator_loads_as_any_diffusers_pipeline() -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(bundled.GENERATOR, use_safetensors=True)
    assert pipeline.scheduler.config.prediction_type == "v_prediction"
    assert torch.equal(pipeline.scheduler.alphas_cumprod, build_scheduler().alphas_cumprod)
    latents = pipeline.vae.config.scaling_factor * pipeline.vae.encode(torch.zeros(1, 3, 64, 64)).latent_dist.mean
    assert tuple(latents.shape) == (1, 4, pipeline.unet.config.sample_size, pipeline.unet.config.sample_size)


def test_latents_have_about_unit_deviation_and_decode_to_what_they_were(unseen: TrainingPictures) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(bundled.GENERATOR, use_safetensors=True)
    pixels = unseen.images[:24].float().div(127.5).sub(1)
    with torch.inference_mode():
        latents = pipeline.vae.encode(pixels).latent_dist.mean
        decoded = pipeline.vae.decode(latents).sample.clamp(-1, 1)
    assert float(latents.std()) * pipeline.vae.config.scaling_factor == pytest.approx(1, abs=0.1)
    decibels = 10 * torch.log10(4 / (decoded - pixels).square().mean())
    assert decibels > 27


def test_the_judge_knows_occupations(assessments: list[Assessment]) -> None:
    assert sum(one.scores["label_margin"] > 0 for one in assessments) / len(assessments) >= 0.98


@pytest.mark.parametrize(("attribute", "of_person"), [("skin_tone", "skin"), ("hair_length", "hair_length")])
def test_the_judge_knows_attributes(
    unseen: TrainingPictures, assessments: list[Assessment], attribute: str, of_person: str
) -> None:
    pairs = zip(unseen.people, assessments, strict=True)
    right = sum(getattr(person, of_person) == one.attributes[attribute] for person, one in pairs)
    assert right / len(assessments) >= 0.97


def test_the_reader_reads_what_was_drawn(unseen: TrainingPictures) -> None:
    reading = load_reader(bundled.READER).read(unseen.images)
    for column, name in enumerate(ATTRIBUTES, start=1):
        truth = unseen.facts[:, column]
        known = truth >= 0  # a bald head has no hair colour
        right = reading.posteriors[name].argmax(1)[known] == truth[known]
        assert float(right.float().mean()) >= 0.99, name
    assert float((reading.boxes - unseen.boxes * 64).abs().mean()) < 0.5


def test_the_reader_finds_people_who_are_smaller_and_elsewhere(unseen: TrainingPictures) -> None:
    reader = load_reader(bundled.READER)
    for side, (left, top) in ((64, (0, 0)), (56, (5, 8)), (48, (2, 11)), (40, (20, 3))):
        ground = unseen.images[:100, :, :1, :1].expand(-1, -1, 64, 64).clone()
        place = (slice(None), slice(None), slice(top, top + side), slice(left, left + side))
        ground[place] = transform.resize(unseen.images[:100], [side, side])
        masks = torch.zeros(100, 64, 64)
        masks[place[0], place[2], place[3]] = transform.resize(unseen.masks[:100].float(), [side, side])
        found, true = reader.find(ground), unseen.boxes[:100] * side + torch.tensor([left, top, left, top])
        overlaps = box_iou(found.boxes, true).diagonal()
        assert float((overlaps > 0.9).float().mean()) >= 0.98, side
        both, either = found.masks & (masks >= 0.5), found.masks | (masks >= 0.5)
        assert float((both.sum((1, 2)) / either.sum((1, 2))).mean()) > 0.95, side
    nobody = reader.find(unseen.images[:40, :, :1, :1].expand(-1, -1, 64, 64))
    assert float((nobody.sure > 0).float().mean()) <= 0.05
    empty = nobody.sure == 0
    assert not nobody.boxes[empty].any()
    assert not nobody.masks[empty].any()


def test_the_reader_reads_generated_pictures_as_the_eye_does() -> None:
    agrees = agreement(load_reader(bundled.READER))
    assert agrees["occupation"].share >= 0.98
    assert agrees["skin"].share >= 0.97
    assert agrees["hair_length"].share >= 0.95
    assert all(rate.of >= 90 for rate in agrees.values()), "most pictures are clear to the eye"
