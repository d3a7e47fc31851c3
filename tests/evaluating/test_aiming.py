"""Where the next images go: by the errors in validation, each image counted once."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from synthgen.errors import UsageError
from synthgen.evaluating.aiming import FLOOR, check_columns, chosen_arm, shares_of_errors, suggestion
from synthgen.evaluating.arms import REAL
from synthgen.evaluating.contract import divide, split_training
from synthgen.evaluating.document import evaluation_schema
from synthgen.evaluating.experiment import TrainedArm, run_arms
from synthgen.evaluating.learners import learner_of
from synthgen.events import ignore
from synthgen.spec.errors_file import ErrorsFile, errors_schema
from synthgen.stats.shrunken import rate_of_all, shrunken_rates
from tests.command import command_line
from tests.evaluating.test_evaluate_command import images
from tests.evaluating.test_evaluating import OTHER, TEST, looked

REAL_SET = replace(
    looked("real", 30, 5), attributes={"size": [("small", "large", None)[row % 3] for row in range(120)]}
)
DIVIDED = divide(REAL_SET, OTHER, TEST, None, 0)
TRAINED = run_arms(DIVIDED, learner_of("knn"), 5, 0, ignore)


def erring(wrong: set[str]) -> TrainedArm:
    """An arm that gets every validation image of these ids wrong, whenever it sees it, and no other."""
    missed = np.array([name in wrong for name in DIVIDED.real.ids])
    return replace(TRAINED[0], wrong=TRAINED[0].seen * missed)


def suggested(*arms: TrainedArm) -> ErrorsFile:
    return suggestion(DIVIDED, arms, "knn", ("bundled:judge", "x"), 0)


def test_what_each_seed_saw_and_missed_is_of_its_own_validation_images() -> None:
    splits = [split_training(DIVIDED.real, DIVIDED.groups, f"0 {number}") for number in range(5)]
    seen = np.zeros(len(DIVIDED.real), int)
    for _, validation in splits:
        seen[validation] += 1
    for arm in TRAINED:
        assert (arm.seen == seen).all()
        assert (arm.wrong <= seen).all()
        assert 1 - arm.wrong.sum() / seen.sum() == pytest.approx(arm.validation)


def test_images_go_to_the_classes_and_groups_that_are_wrong_and_none_is_forgotten() -> None:
    rows = zip(DIVIDED.real.ids, DIVIDED.real.labels, DIVIDED.real.attributes["size"], strict=True)
    found = suggested(erring({name for name, label, size in rows if label == "hen" and size == "small"}))
    shares = {name: each.share for name, each in found.classes.items()}
    assert max(shares, key=shares.__getitem__) == "hen"
    assert sum(shares.values()) == pytest.approx(1, abs=1e-12)
    assert min(shares.values()) >= FLOOR / 4
    sizes = found.groups["size"]
    assert set(sizes) == {"small", "large"}
    assert sizes["small"].share > sizes["large"].share >= FLOOR / 2
    hen = found.classes["hen"]
    assert hen.low < hen.error < hen.high
    assert hen.wrong / hen.independent == pytest.approx(1 / 3, abs=0.2)
    assert suggested(erring(set())).to_json() == suggested(erring(set())).to_json()


def test_an_image_counts_once_and_so_do_images_that_belong_together() -> None:
    found = suggested(TRAINED[0])
    assert found.validation.images == (TRAINED[0].seen > 0).sum() < TRAINED[0].seen.sum()
    together = replace(DIVIDED, groups=np.zeros(len(DIVIDED.real), int))
    (independent,) = {each.independent for each in suggestion(together, TRAINED, "knn", ("j", "x"), 0).classes.values()}
    assert independent == 1


def test_where_nothing_was_wrong_shares_are_even_and_say_so() -> None:
    found = suggested(erring(set()))
    assert {each.share for each in found.classes.values()} == {0.25}
    assert {each.share for each in found.groups["size"].values()} == {0.5}
    assert [note.split(":")[0] for note in found.notes if "was wrong, so shares are even" in note] == ["class", "size"]
    assert found.validation.error == 0


def test_synthetic_images_that_do_not_help_are_not_what_is_aimed_by() -> None:
    worse = [replace(each, validation=0.1 if each.arm.name != REAL else 0.2) for each in TRAINED]
    assert chosen_arm(worse).arm.name == REAL
    alike = [replace(each, validation=0.5) for each in TRAINED]
    assert chosen_arm(alike).arm.name == "real + synthetic x2.5 (all)"


def test_a_class_that_no_validation_image_shows_has_the_rate_of_all_and_is_named() -> None:
    hens = np.array([label == "hen" for label in DIVIDED.real.labels])
    arm = TRAINED[0]
    found = suggested(replace(arm, seen=arm.seen * ~hens, wrong=arm.wrong * ~hens))
    assert found.classes["hen"].images == 0
    wrong, of = found.validation.error * found.validation.independent, found.validation.independent
    assert found.classes["hen"].error == pytest.approx(rate_of_all(wrong, of), abs=1e-4)
    assert any("class: no validation images of 'hen'" in note for note in found.notes)


@pytest.mark.parametrize(
    ("cells", "many"), [([None] * 120, "no value"), ([str(n) for n in range(120)], "values, of 50")]
)
def test_a_column_that_makes_no_groups_of_the_real_set_is_refused(cells: list[str | None], many: str) -> None:
    real = replace(REAL_SET, attributes={"size": cells})
    with pytest.raises(UsageError, match=many) as refused:
        check_columns(divide(real, OTHER, TEST, None, 0))
    assert refused.value.argument == "group"


def test_rates_of_few_images_are_drawn_towards_that_of_all() -> None:
    rates = shrunken_rates([1, 50, 5, 0], [2, 100, 100, 0])
    small, large, good, empty = (each.value for each in rates)
    overall = rate_of_all(56, 202)
    assert overall < small < 0.5
    assert abs(large - 0.5) < 0.02
    assert abs(good - 0.05) < 0.02
    assert empty == pytest.approx(overall)
    assert all(each.low < each.value < each.high for each in rates)
    assert rates[3].half_width > rates[0].half_width > rates[1].half_width


def test_their_intervals_cover_what_they_are_drawn_from() -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(60):
        truth = rng.beta(2, 8, size=6)
        of = rng.integers(3, 40, size=6)
        found = shrunken_rates(rng.binomial(of, truth).tolist(), of.tolist())
        covered += [each.low <= one <= each.high for each, one in zip(found, truth, strict=True)]
    assert np.mean(covered) > 0.9


def test_shares_of_many_classes_add_up_to_one() -> None:
    shares = shares_of_errors({str(name): 0.01 + name % 7 for name in range(3000)})
    assert sum(shares.values()) == pytest.approx(1, abs=1e-9)
    assert min(shares.values()) > 0


def table(folder: Path, name: str, each: int, seed: int, column: str) -> str:
    """A CSV of images whose column says what size they are."""
    rows = [f"path,label,{column}"]
    for number, path in enumerate(sorted(images(folder / name, each, seed).rglob("*.png"))):
        rows.append(f"{path.relative_to(folder)},{path.parent.name},{'small' if number % 3 else 'large'}")
    (folder / f"{name}.csv").write_text("\n".join(rows))
    return str(folder / f"{name}.csv")


def test_the_command_writes_the_file_and_says_where_images_should_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sets = ["--real", table(tmp_path, "real", 20, 0, "size"), "--synthetic", str(images(tmp_path / "made", 12, 1))]
    given = ["evaluate", *sets, "--group", "size", "--learner", "knn", "-o", "out", "--suggest", "out/errors.json"]
    assert command_line([*given, "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "aim       classes: " in shown
    assert "aim       size: " in shown
    assert all(len(line) <= 80 for line in shown.splitlines() if line.startswith(("aim", "errors")))
    written = json.loads(Path("out/errors.json").read_text())
    jsonschema.validate(written, errors_schema())
    found = json.loads(Path("out/evaluation.json").read_text())
    jsonschema.validate(found, evaluation_schema())
    assert found["suggested"] == written
    assert "--suggest out/errors.json" in found["provenance"]["command"]

    before = Path("out/errors.json").read_bytes()
    assert command_line([*given, "--quiet"]) == 0
    assert Path("out/errors.json").read_bytes() == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--suggest", "notes.json"], "--suggest: notes.json is not a file of a learner's errors"),
        (["--suggest", "errors.txt"], "--suggest: expected a file that ends in .json"),
        (["--suggest", "real/errors.json"], "--suggest: real is one of the sets"),
        (["--suggest", "real.csv/errors.json"], "--suggest: real.csv is a file and not a folder"),
        (["--suggest", "e.json", "--test", "test.csv", "--group", "tone"], "aims by validation images"),
    ],
)
def test_what_cannot_be_suggested_is_refused_before_anything_is_trained(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table(tmp_path, "test", 12, 2, "tone")
    table(tmp_path, "real", 2, 0, "size")
    Path("notes.json").write_text('{"synthgen": 1}')
    given = ["evaluate", "--real", "real", "--synthetic", str(images(tmp_path / "made", 2, 1)), "-o", "out", *more]
    assert command_line([*given, "--quiet"]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert Path("notes.json").read_text() == '{"synthgen": 1}'
