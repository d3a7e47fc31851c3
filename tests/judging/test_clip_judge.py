"""The judge's contract: scores, attributes, and the first reason to reject."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from synthgen.bundled.mixture import even
from synthgen.bundled.train.pictures import render_many, softened, spoiled
from synthgen.judging.clip_judge import ClipJudge
from synthgen.planning.rules import first_rejection
from synthgen.records import Reason, Rule
from synthgen.spec import UNKNOWN
from tests.judging.tiny import pictures, rendered, spec_with

JudgeWith = Callable[..., ClipJudge]

QUALITY, DUPLICATES, STRICT_LABEL = (
    "filters.quality={}",
    "filters.duplicates={}",
    "filters.label.min_posterior=1.0",
)
LABELS = ("doctor", "chef", "police_officer")


@pytest.fixture(scope="module")
def judge_with(judge_folder: Path) -> JudgeWith:
    def judge_of(*overrides: str, device: str = "cpu") -> ClipJudge:
        judge = ClipJudge(spec_with(*overrides), f"local-dir:{judge_folder}", "content:1", device)
        judge.setup()
        return judge

    return judge_of


def reasons(judge: ClipJudge, images: Tensor, class_name: str = "doctor", batch: int = 100) -> list[Reason | None]:
    shown = [rendered(image, attempt, class_name) for attempt, image in enumerate(images)]
    parts = [shown[start : start + batch] for start in range(0, len(shown), batch)]
    return [assessment.reason for part in parts for assessment in judge.assess(part)]


@pytest.fixture(scope="module")
def renders() -> Tensor:
    """Clean pictures of the bundled world, in 0..1."""
    return render_many(60, even, seed=4).images.float() / 255


def as_bytes(pixels: Tensor) -> Tensor:
    return pixels.clamp(0, 1).mul(255).round().byte()


def test_every_assessment_has_the_scores_that_were_announced(judge_with: JudgeWith) -> None:
    judge = judge_with(QUALITY)
    assessments = judge.assess([rendered(image, index) for index, image in enumerate(pictures(3))])
    assert len(assessments) == 3
    for assessment in assessments:
        assert tuple(assessment.scores) == judge.score_names
        assert all(type(score) is float and math.isfinite(score) for score in assessment.scores.values())
        assert set(assessment.attributes) == {"skin_tone"}
    assert judge.assess([]) == []


def test_posteriors_of_all_classes_and_of_none_of_these_sum_to_one(judge_with: JudgeWith) -> None:
    image = pictures(1)[0]
    own = [rendered(image, label, name, label) for label, name in enumerate(LABELS)]
    scores = [assessment.scores for assessment in judge_with().assess(own)]
    none = scores[0]["none_posterior"]
    assert 0 < none < 1
    assert sum(one["label_posterior"] for one in scores) + none == pytest.approx(1, abs=1e-5)
    for one in scores:
        others = [other["label_posterior"] for other in scores if other is not one]
        assert one["label_margin"] == pytest.approx(one["label_posterior"] - max(*others, none), abs=1e-6)


def test_what_a_spec_adds_to_none_of_these_takes_its_share(judge_with: JudgeWith) -> None:
    shown = [rendered(pictures(1)[0])]
    (plain,), (more,) = (
        judge.assess(shown) for judge in (judge_with(), judge_with('filters.label={none_of_these: ["a dog", "a cat"]}'))
    )
    assert more.scores["none_posterior"] > plain.scores["none_posterior"]
    assert more.scores["label_posterior"] < plain.scores["label_posterior"]


def test_scores_do_not_depend_on_the_batch(judge_with: JudgeWith) -> None:
    judge, shown = judge_with(), [rendered(image, index) for index, image in enumerate(pictures(5))]
    together = judge.assess(shown)
    for one, expected in zip(shown, together, strict=True):
        (alone,) = judge.assess([one])
        assert alone.scores == pytest.approx(expected.scores, abs=1e-4)


def test_the_judge_abstains_below_the_floor(judge_with: JudgeWith) -> None:
    shown = [rendered(pictures(1)[0])]
    (sure,) = judge_with("attributes.skin_tone.abstain_below=0.0").assess(shown)
    (unsure,) = judge_with("attributes.skin_tone.abstain_below=1.0").assess(shown)
    assert sure.attributes["skin_tone"] in {"light", "medium", "dark"}
    assert unsure.attributes["skin_tone"] == UNKNOWN
    assert 1 / 3 <= sure.scores["skin_tone_posterior"] == unsure.scores["skin_tone_posterior"] < 1


def test_a_judge_that_yields_no_numbers_rejects_and_abstains(judge_with: JudgeWith) -> None:
    judge = judge_with("filters.label.min_posterior=0.0", "attributes.skin_tone.abstain_below=0.0")
    judge._clip.logit_scale = float("nan")
    (assessment,) = judge.assess([rendered(pictures(1)[0])])
    assert math.isnan(assessment.scores["label_posterior"])
    assert assessment.reason is Reason.LABEL
    assert assessment.attributes["skin_tone"] == UNKNOWN


def test_a_score_that_is_not_a_number_is_rejected() -> None:
    rules = (Rule(Reason.CLIP, "clip_score", -1.0),)
    assert first_rejection({"clip_score": float("nan")}, rules) is Reason.CLIP
    assert first_rejection({"clip_score": -1.0}, rules) is None


@pytest.mark.parametrize(
    ("overrides", "image", "expected"),
    [
        ((QUALITY, STRICT_LABEL, "filters.clip.min_score=1.0"), torch.full((3, 64, 64), 90), Reason.BLANK),
        ((STRICT_LABEL, "filters.clip.min_score=1.0"), torch.full((3, 64, 64), 90), Reason.LABEL),
        (("filters.clip.min_score=1.0",), torch.full((3, 64, 64), 90), Reason.CLIP),
        ((), torch.full((3, 64, 64), 90), None),
    ],
)
def test_the_first_filter_that_rejects_gives_the_reason(
    judge_with: JudgeWith, overrides: tuple[str, ...], image: Tensor, expected: Reason | None
) -> None:
    assert reasons(judge_with(*overrides), image.byte()[None]) == [expected]


def test_blank_and_blurred_pictures_are_rejected_and_soft_ones_are_not(judge_with: JudgeWith, renders: Tensor) -> None:
    judge, rng = judge_with(QUALITY), torch.Generator().manual_seed(0)
    assert set(reasons(judge, as_bytes(renders))) == {None}
    assert set(reasons(judge, as_bytes(softened(renders, rng)))) == {None}
    assert set(reasons(judge, as_bytes(spoiled(renders, "blank", rng)))) == {Reason.BLANK}
    hopeless = torch.nn.functional.interpolate(renders, size=(4, 4), mode="area")
    hopeless = torch.nn.functional.interpolate(hopeless, size=(64, 64), mode="bicubic")
    assert set(reasons(judge, as_bytes(hopeless))) <= {Reason.BLURRED, Reason.BLANK}
    assert Reason.BLURRED in reasons(judge, as_bytes(hopeless))


def test_a_repeated_image_is_rejected_once_in_its_class_and_its_shard(judge_with: JudgeWith) -> None:
    judge, image = judge_with(DUPLICATES), pictures(1)
    assert reasons(judge, torch.cat([image, image])) == [None, Reason.DUPLICATE]
    assert reasons(judge, image, "chef") == [None]
    assert reasons(judge, image) == [Reason.DUPLICATE]
    judge.begin_shard()
    assert reasons(judge, image) == [None]


def test_noise_is_told_from_a_picture(judge_with: JudgeWith, renders: Tensor) -> None:
    judge, generator = judge_with(QUALITY), torch.Generator().manual_seed(0)
    grainy = renders + 0.05 * torch.randn(renders.shape, generator=generator)
    assert Reason.NOISY not in [*reasons(judge, as_bytes(renders)), *reasons(judge, as_bytes(grainy))]
    assert set(reasons(judge, as_bytes(torch.rand(renders.shape, generator=generator)))) == {Reason.NOISY}


def test_what_shows_a_rejected_concept_is_unsafe(judge_with: JudgeWith) -> None:
    rejecting = "safety.reject=[a picture of a farmer, two people]"
    judge = judge_with(rejecting, "safety.above=0")
    (found,) = judge.assess([rendered(pictures(1)[0])])
    assert found.reason is Reason.UNSAFE
    assert 0 < found.scores["unsafe_posterior"] < 1
    assert reasons(judge_with(rejecting, "safety.above=1"), pictures(3)) == [None] * 3
    assert "unsafe_posterior" not in judge_with().score_names


def test_within_the_dataset_classes_are_compared_too(judge_with: JudgeWith) -> None:
    judge, image = judge_with("filters.duplicates.within=dataset"), pictures(1)
    assert reasons(judge, image) == [None]
    assert reasons(judge, image, "chef") == [Reason.DUPLICATE]


def test_what_was_rejected_is_no_original(judge_with: JudgeWith) -> None:
    judge, image = judge_with(DUPLICATES, "filters.label.min_posterior=0.5"), pictures(1)
    scale = judge._clip.logit_scale
    judge._clip.logit_scale = float("nan")
    assert reasons(judge, image) == [Reason.LABEL]
    judge._clip.logit_scale = scale
    judge._rules = dict.fromkeys(judge._rules, ())
    assert reasons(judge, image) == [None]


def test_a_duplicate_says_which_image_it_repeats_and_by_what(judge_with: JudgeWith, renders: Tensor) -> None:
    images = as_bytes(renders)[[0, 1, 1]]
    shown = [rendered(image, attempt) for attempt, image in enumerate(images)]
    told = [each.message for each in judge_with(DUPLICATES).assess(shown)]
    assert told == [None, None, f"repeats {shown[1].candidate.id}: 0 of 256 bits differ"]
    by_cosine = judge_with("filters.duplicates={max_bits: 0, min_cosine: 0}").assess(shown[:2])
    assert by_cosine[1].message is not None
    assert by_cosine[1].message.startswith(f"repeats {shown[0].candidate.id}: cosine ")


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_duplicates_are_the_same_at_any_batch_size(judge_with: JudgeWith, renders: Tensor, batch: int) -> None:
    images = as_bytes(renders)[[0, 1, 2, 1, 3, 0, 0, 4, 3]]
    expected = [None, None, None, Reason.DUPLICATE, None, *[Reason.DUPLICATE] * 2, None, Reason.DUPLICATE]
    assert reasons(judge_with(DUPLICATES), images, batch=batch) == expected


def test_a_slightly_changed_image_is_a_duplicate_and_another_person_is_not(
    judge_with: JudgeWith, renders: Tensor
) -> None:
    judge = judge_with(DUPLICATES)
    first = reasons(judge, as_bytes(renders))
    assert first.count(Reason.DUPLICATE) <= 1  # 60 people, all of one "class"
    noise = 0.01 * torch.randn(renders.shape, generator=torch.Generator().manual_seed(0))
    assert reasons(judge, as_bytes(renders * 0.95 + noise)).count(Reason.DUPLICATE) >= 54


def test_a_judge_finds_its_own_device_and_says_what_it_is(judge_with: JudgeWith) -> None:
    judge = judge_with(device="auto")
    judge.setup()  # once more: nothing happens
    assert judge.provenance()["judge_revision"] == "content:1"
    assert len(judge.assess([rendered(pictures(1)[0])])) == 1
