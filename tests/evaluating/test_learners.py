"""Learners on pixels: networks of timm, plug-ins, and augmented copies."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from PIL import Image
from safetensors.torch import save_file

from synthgen.api.learning import choose_learner
from synthgen.errors import ModelError, UsageError
from synthgen.evaluating.arms import Lesson
from synthgen.evaluating.augmenting import augmented_copy, copy_key
from synthgen.evaluating.contract import Divided, divide
from synthgen.evaluating.experiment import run_arms
from synthgen.evaluating.learners import FitLesson
from synthgen.evaluating.network import NetworkLearner, check_network
from synthgen.evaluating.own_learner import OwnLearner
from synthgen.evaluating.pixels import MOST_BYTES, automatic_side, check_pixels, squared
from synthgen.events import Event, StepProgress
from synthgen.models.classifiers import Classifier, find_classifier
from synthgen.plugins import LEARNERS, Plugin
from synthgen.stats.search import Codes
from tests.evaluating.test_evaluating import OTHER, REAL_SET, TEST

ROWS, SIDE = 96, 32
CLASSES = np.arange(ROWS) % 2
NOISE = np.random.default_rng(0).normal(100 + 60 * CLASSES[:, None, None, None], 60, (ROWS, SIDE, SIDE, 3))
PIXELS = np.clip(NOISE, 0, 255).astype(np.uint8)
TAUGHT, ASKED = np.arange(64), np.arange(64, ROWS)
DIVIDED = divide(REAL_SET, OTHER, TEST, None, 0)
NETWORK = find_classifier("test_resnet", pretrained=False, allow_remote=False)


def network(on_step: Callable[[int], None] = lambda _: None) -> FitLesson:
    learner = NetworkLearner(NETWORK, 2, 25, PIXELS, torch.device("cpu"))
    return learner.of_seed(DIVIDED, TAUGHT, (0, 1), on_step)


def test_a_network_learns_and_does_the_same_again_whatever_torch_drew_before() -> None:
    steps: list[int] = []
    lesson = Lesson(TAUGHT, CLASSES[TAUGHT])
    found = network(steps.append)(lesson, ASKED, [1, 2])
    assert found.shape == (2, len(ASKED))
    assert (found == CLASSES[ASKED]).mean() > 0.9
    assert sum(steps) == 50

    torch.manual_seed(3)
    before = torch.get_rng_state()
    assert (network()(lesson, ASKED, [1, 2]) == found).all()
    assert (torch.get_rng_state() == before).all()


def test_a_network_that_augments_is_taught_by_changed_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.evaluating.network.rand_augment", lambda: lambda image: 255 - image)
    found = network()(Lesson(TAUGHT, CLASSES[TAUGHT], augmented=True), ASKED, [1])
    assert (found == CLASSES[ASKED]).mean() < 0.5


@pytest.mark.parametrize("kind", [("test_vit", 64), ("test_resnet", 40)])
def test_networks_of_either_kind_take_other_sizes(kind: tuple[str, int]) -> None:
    name, side = kind
    check_network(find_classifier(name, pretrained=False, allow_remote=False), side)


def test_pretrained_weights_come_from_the_cache_and_name_their_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UsageError, match=r"test_resnet\.r160_in1k on the hub, are not in the local cache") as raised:
        find_classifier("test_resnet", pretrained=True, allow_remote=False)
    assert "`allow_remote`" in str(raised.value.hint)

    commit = "0123456789" * 4
    file = tmp_path / "models--timm--test_resnet.r160_in1k" / "snapshots" / commit / "model.safetensors"
    file.parent.mkdir(parents=True)
    made = NETWORK.open(1000, 160)
    save_file({name: value.contiguous() for name, value in made.state_dict().items()}, file)
    found = find_classifier("test_resnet", pretrained=True, allow_remote=False)
    assert found.commit == commit
    first = next(iter(made.parameters()))
    assert torch.equal(next(iter(found.open(2, SIDE).parameters())), first)
    assert not torch.equal(next(iter(NETWORK.open(2, SIDE).parameters())), first)


class Tuned:
    """Is right about everything with its second setting alone."""

    setting, unit, effort = "x", "steps", 10
    tuned_on: int | None = 2
    settings: Sequence[float] = (1.0, 2.0, 3.0)

    def __init__(self) -> None:
        self.tried: list[Sequence[int]] = []

    def copies(self, divided: Divided) -> int:
        return 0

    def of_seed(
        self, divided: Divided, train: Codes, seed: tuple[int, int], on_step: Callable[[int], None]
    ) -> FitLesson:
        truth = np.array([divided.classes.index(label) for label in divided.real.labels])
        of_test = np.array([divided.classes.index(label) for label in divided.test.labels])

        def fit(lesson: Lesson, targets: Codes, tried: Sequence[int]) -> Codes:
            self.tried.append(tried)
            on_step(10 * len(tried))
            last = len(divided.real) + len(divided.synthetic)
            right = np.array([truth[row] if row < len(truth) else of_test[row - last] for row in targets.tolist()])
            return np.stack([right if place == 1 else np.full_like(right, -1) for place in tried])

        return fit


def test_later_seeds_use_what_was_best_with_the_first_and_progress_counts_every_step() -> None:
    events: list[Event] = []
    learner = Tuned()
    trained = run_arms(DIVIDED, learner, 5, 0, events.append)
    assert all(arm.setting == 2.0 and arm.correct.all() for arm in trained)
    assert [list(each) for each in learner.tried] == [[0, 1, 2]] * 2 * len(trained) + [[1]] * 3 * len(trained)
    last = events[-1]
    assert isinstance(last, StepProgress)
    assert (last.unit, last.done) == ("steps", last.total)


def own(fit: Any) -> FitLesson:
    offered = Plugin(LEARNERS, "mine", "some-learners", "1.0", "some:fit")
    return OwnLearner(offered, fit, PIXELS, 0).of_seed(DIVIDED, TAUGHT, (0, 0), lambda _: None)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda *_: None, "fit returned NoneType"),
        (lambda *_: lambda images: ["cat"], "it predicted one label for 32 images"),
        (lambda *_: lambda images: ["cow"] * len(images), "it predicted 'cow', which is no label"),
    ],
)
def test_what_a_plug_in_may_not_return_names_it(fit: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message) as raised:
        own(fit)(Lesson(TAUGHT, CLASSES[TAUGHT]), ASKED, [0])
    assert "mine (some-learners 1.0)" in raised.value.message


@pytest.mark.parametrize("error", [KeyError("x"), OSError("x"), SystemExit("x")], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("when", ["was fitted", "predicted"])
def test_an_error_of_a_plug_in_names_it_and_who_can_mend_it(error: BaseException, when: str) -> None:
    def fail(*_: object) -> Any:
        raise error

    with pytest.raises(ModelError) as raised:
        own(fail if when == "was fitted" else lambda *_: fail)(Lesson(TAUGHT, CLASSES[TAUGHT]), ASKED, [0])
    cause = f"{type(error).__name__}: {error}"
    assert raised.value.message == f"the learner mine (some-learners 1.0): it failed while it {when}: {cause}"
    assert raised.value.hint == "Report this to the authors of some-learners."


@pytest.mark.parametrize("name", ["probe", "knn", "timm:test_resnet", "timm:mine"])
def test_a_plug_in_with_a_name_of_synthgens_own_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "some_learners-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-learners\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[synthgen.learners]\n{name} = some:fit\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=f"'{name}' of some-learners 1.0 has the name of one that is part") as refused:
        choose_learner(name, None, None, allow_remote=False)
    assert refused.value.argument == "learner"


def test_an_augmented_copy_depends_on_its_key_alone() -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 600, 3), dtype=np.uint8))
    keys = [copy_key(b"file", number) for number in range(3)]
    made = [np.asarray(augmented_copy(picture, key)) for key in keys]
    torch.manual_seed(5)
    assert all((np.asarray(augmented_copy(picture, key)) == one).all() for key, one in zip(keys, made, strict=True))
    assert not all((one == made[0]).all() for one in made)
    assert made[0].shape[1] == 256


def test_squares_have_the_size_of_most_images_within_limits() -> None:
    assert automatic_side([(28, 28)] * 3) == 32
    assert automatic_side([(70, 90), (65, 200), (2000, 3000)]) == 96
    assert automatic_side([(2000, 3000)]) == 128
    shown = squared(Image.fromarray(np.hstack([np.full((10, 10, 3), each, np.uint8) for each in (0, 9, 0)])), 8)
    assert (shown == 9).all()  # the middle


def test_too_many_pixels_are_refused_with_the_size_that_fits() -> None:
    side = 224
    with pytest.raises(UsageError, match="GiB of memory") as raised:
        check_pixels(MOST_BYTES // (side * side * 3) + 1, side)
    assert raised.value.argument == "image_size"
    assert "at most 223 pixels" in str(raised.value.hint)


def test_what_classifies_nothing_is_refused() -> None:
    broken = Classifier("test_resnet", 160, True, (0.5,) * 3, (0.5,) * 3, None)
    with pytest.raises(UsageError, match="cannot take images of 32 x 32"):
        check_network(broken, 32)  # it takes no size when it is made
