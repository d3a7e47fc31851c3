"""Training: a resumed one ends where an uninterrupted one does, and noising is as its docstring says."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from synthgen.bundled.captions import SPOILED
from synthgen.bundled.mixture import even
from synthgen.bundled.train.denoiser import build_scheduler
from synthgen.bundled.train.pictures import render_many, softened, spoiled
from synthgen.bundled.world import SIZE
from synthgen.models import training as loop
from synthgen.models.training import Schedule, train

SCHEDULE = Schedule(steps=12, batch=4, rate=1e-2, warmup=3, average=0.9)
CPU = torch.device("cpu")


class Killed(Exception):  # noqa: N818 - an event
    pass


def tiny_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.SiLU(), nn.Flatten(), nn.LazyLinear(1)).eval()


def loss_of(model: nn.Module, killed_at: int = -1) -> Callable[[torch.Generator], Tensor]:
    seen: list[int] = []

    def loss(rng: torch.Generator) -> Tensor:
        if len(seen) == killed_at:
            raise Killed
        seen.append(0)
        x = torch.randn(SCHEDULE.batch, 2, 5, 5, generator=rng)
        predicted: Tensor = model(x)
        return (predicted - x.mean((1, 2, 3))[:, None]).square().mean()

    return loss


def trained(folder: Path, killed_at: int = -1, schedule: Schedule = SCHEDULE) -> dict[str, Tensor]:
    model = tiny_model()
    model(torch.zeros(1, 2, 5, 5))
    train("tiny", model, schedule, loss_of(model, killed_at), folder, CPU)
    assert not model.training
    return model.state_dict()


def test_a_resumed_training_ends_with_exactly_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    expected = trained(tmp_path / "whole")
    with pytest.raises(Killed):
        trained(tmp_path / "broken", killed_at=7)
    assert [path.name for path in (tmp_path / "broken").iterdir()] == ["tiny.checkpoint"]
    resumed = trained(tmp_path / "broken")
    assert resumed.keys() == expected.keys()
    assert all(torch.equal(resumed[name], expected[name]) for name in expected)
    again = trained(tmp_path / "broken", killed_at=0)  # it is done: no batch is drawn
    assert all(torch.equal(again[name], expected[name]) for name in expected)


def test_training_ends_with_the_average_or_without_one_with_the_last_weights(tmp_path: Path) -> None:
    for name in ("average", "last"):
        (tmp_path / name).mkdir()
    average = trained(tmp_path / "average")
    last = trained(tmp_path / "last", schedule=Schedule(steps=12, batch=4, rate=1e-2, warmup=3))
    saved = torch.load(tmp_path / "average/tiny.checkpoint", weights_only=True)
    assert all(torch.equal(saved["average"][name], average[name]) for name in average)
    assert all(torch.equal(saved["model"][name], last[name]) for name in last)
    assert not torch.equal(average["0.weight"], last["0.weight"])


def test_the_rate_rises_and_then_falls_to_a_fiftieth() -> None:
    factors = [SCHEDULE.factor(step) for step in range(SCHEDULE.steps + 1)]
    assert max(factors) == factors[2] == factors[3] == 1
    assert factors[0] == pytest.approx(1 / 3)
    assert factors[3:] == sorted(factors[3:], reverse=True)
    assert factors[-1] == pytest.approx(1 / 50)


def test_noising_is_as_the_docstring_says() -> None:
    signal = build_scheduler().alphas_cumprod.double().sqrt()
    noise = (1 - signal**2).sqrt()
    assert len(signal) == 1000
    assert signal[0] > 0.99
    assert signal[-1] == 0
    assert (signal.diff() < 0).all()
    torch.manual_seed(0)
    x, e = torch.randn(2, 1000, 3, dtype=torch.float64)
    a, s = signal[:, None], noise[:, None]
    noised, velocity = a * x + s * e, a * e - s * x
    assert torch.allclose(a * noised - s * velocity, x)
    assert torch.allclose(s * noised + a * velocity, e)
    assert torch.equal(velocity[-1], -x[-1])


def test_generation_starts_from_the_step_that_is_nothing_but_noise() -> None:
    scheduler = build_scheduler()
    scheduler.set_timesteps(20)
    assert int(scheduler.timesteps[0]) == 999
    x, velocity = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    step = scheduler.step(velocity, 999, x)
    assert torch.allclose(step.pred_original_sample, -velocity)


def test_a_seed_renders_the_same_pictures_with_their_facts() -> None:
    one, other = (render_many(8, even, seed=3) for _ in range(2))
    assert torch.equal(one.images, other.images)
    assert one.people == other.people
    assert (one.images.dtype, tuple(one.images.shape)) == (torch.uint8, (8, 3, SIZE, SIZE))
    assert tuple(one.facts.shape) == (8, 7)
    assert bool(((one.boxes >= 0) & (one.boxes <= 1)).all())


@pytest.mark.parametrize("kind", [*SPOILED, "softened"])
def test_ruined_pictures_stay_pictures_and_follow_their_seed(kind: str) -> None:
    pixels = render_many(8, even, seed=3).images.float() / 255

    def ruin() -> Tensor:
        rng = torch.Generator().manual_seed(0)
        return softened(pixels, rng) if kind == "softened" else spoiled(pixels, kind, rng)

    ruined = ruin()
    assert ruined.shape == pixels.shape
    assert bool(((ruined > -1e-5) & (ruined < 1 + 1e-5)).all())
    assert not torch.equal(ruined, pixels)
    assert torch.equal(ruined, ruin())
