"""The parts of a tuning that are formulas: noise and targets, what is held out, prompts, and nearness."""

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler

from synthgen.spec import parse_spec
from synthgen.tuning.division import held_out
from synthgen.tuning.document import gated, memorised_lines
from synthgen.tuning.flow.objective import FlowObjective
from synthgen.tuning.memorised import PictureLooks, memorisation_of
from synthgen.tuning.objective import Objective
from synthgen.tuning.wording import prompts_of_spec


@pytest.mark.parametrize("kind", [DDIMScheduler, EulerDiscreteScheduler])
@pytest.mark.parametrize("predicted", ["epsilon", "v_prediction", "sample"])
def test_the_picture_follows_from_what_is_noised_and_what_is_predicted(kind: type, predicted: str) -> None:
    objective = Objective(kind(beta_schedule="scaled_linear", prediction_type=predicted).config)
    betas = torch.linspace(0.0001**0.5, 0.02**0.5, 1000, dtype=torch.float64) ** 2  # Ho et al. 2020, as SD scales it
    kept = torch.cumprod(1 - betas, 0)
    clean, noise, times = torch.randn(5, 4, 2, 2), torch.randn(5, 4, 2, 2), torch.tensor([0, 10, 400, 900, 999])
    mixed, target = objective.noised(clean, noise, times), objective.target(clean, noise, times)
    signal, rest = kept[times].sqrt().view(-1, 1, 1, 1), (1 - kept[times]).sqrt().view(-1, 1, 1, 1)
    found = {
        "epsilon": (mixed - rest * target) / signal,
        "v_prediction": signal * mixed - rest * target,
        "sample": target.double(),
    }[predicted]
    assert torch.allclose(found, clean.double(), atol=1e-3)


def test_fixed_times_are_spread_over_all_levels() -> None:
    times = Objective(DDIMScheduler().config).even_times(10, 4)
    assert times.shape == (4, 10)
    assert np.abs(np.sort(times.flatten().numpy()) - np.arange(12.5, 1000, 25)).max() < 1


def test_levels_of_flow_matching_are_logit_normal_and_then_shifted() -> None:
    shift = 3.0
    objective = FlowObjective(FlowMatchEulerDiscreteScheduler(shift=shift).config, 0.0)
    for times in (objective.random_times(4000, torch.Generator().manual_seed(0)), objective.even_times(1000, 4)[2]):
        levels = objective.noised(torch.zeros(len(times), 1), torch.ones(len(times), 1), times)[:, 0]
        assert torch.allclose(objective.timesteps(times), 1000 * levels)
        normal = (levels / (shift - (shift - 1) * levels)).clamp(0.001, 0.999).logit()
        expected = (0.0, 1.0) if len(times) == 4000 else (-0.32, 0.19)  # the third quarter of a normal distribution
        assert (float(normal.mean()), float(normal.std())) == pytest.approx(expected, abs=0.05)

    clean, noise, times = torch.randn(3, 4, 2, 2), torch.randn(3, 4, 2, 2), torch.tensor([0, 500, 999])
    levels = (objective.timesteps(times) / 1000).view(-1, 1, 1, 1)
    mixed = objective.noised(clean, noise, times)
    assert torch.allclose(mixed - levels * objective.target(clean, noise, times), clean, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_no_class_is_held_out_whole_and_copies_stay_together(seed: int) -> None:
    classes = ["a"] * 6 + ["b"] * 3 + ["c"]
    groups = np.array([0, 0, 1, 2, 3, 4, 5, 5, 6, 7])
    held = held_out(classes, groups, 0.3, seed)
    assert 1 <= len(held) <= 3
    assert {classes[row] for row in range(10) if row not in held} == {"a", "b", "c"}
    assert {groups[row] for row in held}.isdisjoint(groups[row] for row in range(10) if row not in held)


def test_one_image_for_each_class_leaves_nothing_to_hold_out() -> None:
    assert held_out(["a", "b", "c"], np.arange(3), 0.5, 0) == []
    assert held_out(["a"] * 5, np.arange(5), 0.0, 0) == []
    assert len(held_out(["a"] * 5, np.arange(5), 0.01, 0)) == 1


def test_the_prompts_of_a_spec_are_those_that_show_the_class_alone() -> None:
    spec = parse_spec(
        "synthgen: 1\nname: x\nmodel: {id: 'bundled:workers'}\n"
        "classes: {doctor: 2, chef: {count: 2, templates: ['a photo of {a:class}']}}\n"
        "prompts: {templates: ['a {class}', '{class}, {hair} hair'], variables: {hair: [red]}}\n"
    )
    assert prompts_of_spec(spec, ["chef", "doctor"]) == {"chef": ("a photo of a chef",), "doctor": ("a doctor",)}


def looks(*angles: float) -> PictureLooks:
    """Embeddings on a circle, and hashes that are far from one another."""
    vectors = np.array([(np.cos(angle), np.sin(angle)) for angle in angles], np.float32)
    rng = np.random.default_rng([int(1000 * abs(angle)) for angle in angles])
    return PictureLooks(vectors, [rng.bytes(32) for _ in angles])


def test_images_nearer_than_training_images_are_to_each_other_are_counted() -> None:
    training = looks(0.0, 0.4, 1.0)
    found = memorisation_of(looks(0.01, 2.5, 0.65), looks(2.6, 2.5, 0.66), training, looks(0.99, 3.0))
    assert (found.images, found.near, found.copies, found.untuned_near) == (3, 2, 0, 1)
    assert (found.held_out, found.held_out_near) == (2, 1)
    assert found.cosine == pytest.approx(np.cos(0.4))
    assert [(pair.image, pair.training, pair.is_near) for pair in found.pairs] == [
        (0, 0, True),
        (2, 1, True),
        (1, 2, False),
    ]


def test_many_training_images_are_compared_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    training = looks(*np.linspace(0, 1.5, 16), 2.5)
    training.hashes[3] = training.hashes[2]  # type: ignore[index]
    whole = memorisation_of(*[training] * 4).cosine
    monkeypatch.setattr("synthgen.tuning.memorised.CELLS", 2 * 17)
    assert memorisation_of(*[training] * 4).cosine == pytest.approx(whole, abs=1e-6)
    assert whole == pytest.approx(np.cos(0.1))


def test_a_copy_by_hash_is_near_whatever_the_judge_says() -> None:
    training = looks(0.0, 0.4)
    copy = PictureLooks(looks(2.0).vectors, training.hashes[1:])
    found = memorisation_of(copy, looks(2.1), training, looks(1.5).take([]))
    assert (found.near, found.copies, found.held_out) == (1, 1, 0)
    assert found.pairs[0].training == 1


@pytest.mark.parametrize(
    ("near", "untuned", "copies", "expected"),
    [
        (1, 8, 0, None),
        (8, 0, 0, False),
        (8, 7, 0, True),  # it was as near before: nothing was memorised
        (8, 7, 5, False),  # but copies are copies
        (8, None, 0, False),  # of an earlier version, which did not look
    ],
)
def test_what_the_untuned_model_drew_as_near_decides_nothing(
    near: int, untuned: int | None, copies: int, expected: bool | None
) -> None:
    counted = {"images": 8, "near": near, "copies": copies, "held_out": 0}
    counted |= {} if untuned is None else {"untuned_near": untuned}
    found = gated(counted, 0.5)
    assert (found and found[1]) is expected
    says_nothing = "says nothing of memorising" in " ".join(memorised_lines(counted))
    assert says_nothing == (untuned == 8)
