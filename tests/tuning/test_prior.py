"""Prior preservation: what the model drew before is learnt again, is kept, and is told."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import synthgen
from synthgen.errors import Interrupted, StorageError
from synthgen.models.adapters import find_adapter
from synthgen.records import TunedOn
from synthgen.spec import AdapterSpec
from synthgen.tuning.schema import tune_schema
from tests.generating.tiny import save_stable_diffusion
from tests.tuning.test_refused import images, refusal
from tests.tuning.test_tuning import drawn


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prior")
    save_stable_diffusion(folder / "sd")
    images(folder / "real", 6)
    return folder


def tuned(place: Path, output: Path, stop: Callable[[], bool] = lambda: False, **more: object) -> synthgen.Tuned:
    given = {"steps": 4, "batch_size": 2, "rank": 2, "check": 0, "learning_rate": 0.02, "device": "cpu", **more}
    return synthgen.tune(place / "real", str(place / "sd"), output, stop=stop, **given)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_model_with_a_prior_stays_nearer_to_what_it_was(place: Path, tmp_path: Path) -> None:
    plain = tuned(place, tmp_path / "plain")
    kept = tuned(place, tmp_path / "kept", prior=5, prior_weight=50)

    before = drawn(place / "sd", None)
    far, near = (np.abs(drawn(place / "sd", made.folder) - before).mean() for made in (plain, kept))
    assert 0 < near < far

    assert len(list((kept.folder / "prior").iterdir())) == 5
    record = json.loads((kept.folder / "tune.json").read_text())
    jsonschema.validate(record, tune_schema())
    assert [one["class"] for one in record["prior"]] == ["doctor", "nurse", "doctor", "nurse", "doctor"]
    assert record["losses"][0]["prior"] is None
    assert record["losses"][-1]["prior"] > 0
    assert plain.record["prior"] == []

    said = find_adapter(AdapterSpec(id=str(kept.folder))).tuned
    assert said is not None
    assert str(said) == "tuned on 5 images and 5 of the model's own"
    assert TunedOn.read(said.as_json()) == said


@pytest.mark.slow
def test_one_that_was_stopped_while_it_drew_or_trained_ends_as_an_unbroken_one(place: Path, tmp_path: Path) -> None:
    whole = tuned(place, tmp_path / "whole", prior=3)
    for answers in ([False, True], [False, False, False, True]):  # in the second batch of drawings; after a step
        asked = iter(answers)
        with pytest.raises(Interrupted):
            tuned(place, tmp_path / "broken", lambda asked=asked: next(asked), prior=3)  # type: ignore[misc]
    first, *_ = sorted((tmp_path / "broken" / "prior").iterdir())
    was = first.read_bytes()
    first.write_bytes(sorted((tmp_path / "broken" / "prior").iterdir())[1].read_bytes())
    with pytest.raises(StorageError, match="has other images than the training began with"):
        tuned(place, tmp_path / "broken", prior=3)
    first.unlink()
    resumed = tuned(place, tmp_path / "broken", prior=3)
    assert first.read_bytes() == was
    assert resumed.sha256 == whole.sha256
    assert resumed.record["losses"] == whole.record["losses"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--prior", "1"], "--prior: expected at least 1 for each of the 2 classes, found 1"),
        (["--prior-weight", "2"], "--prior-weight: with --prior 0 the model draws no images that it could weigh"),
        (["--prior", "5", "--prior-weight", "0"], "--prior-weight: expected a number above 0, such as 1"),
        (["--prior", "9999"], "--prior: expected at most 2000, found 9999"),
    ],
)
def test_a_prior_that_cannot_be_is_refused(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refusal(tmp_path, capsys, *more)
