"""A spec that aims its images at the errors of a learner."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synthgen
from synthgen.api.specs import read_spec
from synthgen.errors import SpecError
from synthgen.planning import Plan
from synthgen.planning.growth import growth_of
from synthgen.spec import Spec, parse_spec
from synthgen.spec.errors_file import AimedBy, ErrorsFile, read_errors
from synthgen.spec.written import written_in_full
from tests.running.noise import noise_plan

SPEC = """\
synthgen: 1
name: aimed
model: {id: "bundled:workers"}
classes: {doctor: 30, chef: 30, nurse: 30}
prompts: {templates: ["a {class}"]}
attributes:
  hair: {values: {short: [short hair], long: [long hair]}}
counts: {from: errors.json}
balance: [{attribute: hair, target: {from: errors.json}}]
"""


def measured(share: float) -> dict[str, object]:
    return {"images": 9, "independent": 9, "wrong": 2.5, "error": 0.2, "low": 0.1, "high": 0.4, "share": share}


def content(**changes: object) -> dict[str, Any]:
    return {
        "synthgen_errors": 1,
        "arm": "real",
        "learner": "probe",
        "judge": "bundled:judge",
        "revision": "x",
        "seeds": 5,
        "seed": 0,
        "floor": 0.5,
        "validation": {"images": 27, "independent": 27, "error": 0.2},
        "classes": {"doctor": measured(0.2), "chef": measured(0.3), "nurse": measured(0.5)},
        "groups": {"hair": {"short": measured(0.375), "long": measured(0.625)}},
        "notes": [],
        **changes,
    }


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_text(SPEC)
    Path("errors.json").write_text(json.dumps(content()))


def aimed(text: str = SPEC) -> Spec:
    Path("spec.yaml").write_text(text)
    return read_spec(Path("spec.yaml"))


def refused(text: str = SPEC) -> list[str]:
    with pytest.raises(SpecError) as caught:
        aimed(text)
    return [*map(str, caught.value.problems)]


def test_counts_and_shares_are_those_of_the_file_and_the_total_stays() -> None:
    spec = aimed()
    assert {name: kind.count for name, kind in spec.classes.items()} == {"doctor": 18, "chef": 27, "nurse": 45}
    assert spec.balance[0].target == {"short": 0.375, "long": 0.625}
    assert spec.counts is None
    (by,) = spec.aimed_by
    assert by == read_errors(Path("errors.json"))[1]
    assert parse_spec(written_in_full(spec)) == spec

    odd = aimed(SPEC.replace("nurse: 30", "nurse: 31"))
    assert odd.total == 91
    assert aimed(SPEC.replace("30", "1").replace("balance", "x-balance")).total == 3, "each class keeps an image"


def test_another_file_is_another_plan_even_with_the_same_shares() -> None:
    first = aimed()
    Path("errors.json").write_text(json.dumps(content(seed=1)))
    assert aimed().balance == first.balance
    assert aimed().canonical() != first.canonical()
    assert "aimed_by" not in parse_spec(SPEC.replace("counts", "x-counts")).canonical()


def test_a_run_can_grow_by_counts_that_aim() -> None:
    there = noise_plan("classes={doctor: 2, chef: 2}")
    by = AimedBy(file="errors.json", sha256="a" * 64)
    classes = {name: kind.model_copy(update={"count": 3}) for name, kind in there.spec.classes.items()}
    more = there.spec.model_copy(update={"classes": classes, "aimed_by": (by,)})
    growth = growth_of(there, Plan(more, there.revisions))
    assert growth.refusals == ()
    assert growth.addition is not None
    assert growth.addition.quotas == {"doctor": 1, "chef": 1}


def test_what_was_not_measured_gets_an_even_share() -> None:
    found = aimed(SPEC.replace("long: [long hair]", "long: [long hair], none: [a bald head]"))
    assert found.balance[0].target == pytest.approx({"short": 0.25, "long": 0.625 * 2 / 3, "none": 1 / 3})
    more = aimed(SPEC.replace("nurse: 30", "nurse: 30, farmer: 30"))
    assert {name: kind.count for name, kind in more.classes.items()} == {
        "doctor": 18, "chef": 27, "nurse": 45, "farmer": 30,
    }  # fmt: skip


def test_columns_of_datasets_are_those_of_their_attributes() -> None:
    Path("errors.json").write_text(json.dumps(content(groups={"attribute_hair": content()["groups"]["hair"]})))
    assert aimed().balance[0].target == {"short": 0.375, "long": 0.625}


def test_paths_are_relative_to_the_spec() -> None:
    Path("sub").mkdir()
    Path("errors.json").rename("sub/errors.json")
    Path("sub/spec.yaml").write_text(SPEC)
    assert synthgen.load_spec("sub/spec.yaml").aimed_by[0].file == "errors.json"


NAN = json.dumps(content()).replace('"error": 0.2}', '"error": NaN}')
WRONG: dict[str, tuple[str | bytes, str]] = {
    "not JSON": ("classes: 1", "is not a file of a learner's errors: it is not JSON"),
    "binary": (b"\xff\xfe", "is not a file of a learner's errors: it is not JSON"),
    "nested": ("[" * 100_000, "is not a file of a learner's errors: it is not JSON"),
    "a list": ("[]", "is not a file of a learner's errors: it has no entry 'synthgen_errors'"),
    "another file": ('{"verdict": "helps"}', "it has no entry 'synthgen_errors'"),
    "newer": (json.dumps(content(synthgen_errors=2)), "it is of another version than 1"),
    "NaN": (NAN, "its entry 'validation.error' is not as synthgen writes it"),
    "a share above 1": (
        json.dumps(content(classes={"doctor": measured(1.5), "chef": measured(-0.5)})),
        "its entry 'classes.doctor.share' is not as synthgen writes it",
    ),
    "shares that do not add up": (
        json.dumps(content(classes={"doctor": measured(0.5), "chef": measured(0.3), "nurse": measured(0.1)})),
        "expected shares of classes that add up to 1, found 0.9",
    ),
    "another class": (
        json.dumps(content(classes={"doctr": measured(0.5), "chef": measured(0.5)})),
        "errors.json has a class 'doctr', which the spec lacks",
    ),
    "a hostile name": (
        json.dumps(content(classes={"\x1b[31mred": measured(0.5), "chef": measured(0.5)})),
        r"errors.json has a class '\x1b[31mred', which the spec lacks",
    ),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_file_that_is_none_of_errors_is_refused_with_its_place(text: str | bytes, message: str) -> None:
    Path("errors.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    problems = refused()
    assert any(problem.startswith("spec.yaml:8:16: counts.from: errors.json") for problem in problems), problems
    assert any(message in problem for problem in problems), problems


def test_the_nearest_name_is_told() -> None:
    Path("errors.json").write_text(json.dumps(content(groups={"hair": {"shrt": measured(0.4), "long": measured(0.6)}})))
    with pytest.raises(SpecError) as caught:
        aimed()
    (problem,) = map(str, caught.value.problems)
    assert problem.startswith(
        "spec.yaml:9:44: balance.0.target.from: errors.json has hair with the value 'shrt', which"
    )
    assert "Did you mean 'short'?" in str(caught.value.hint)


def test_an_attribute_that_was_not_measured_is_refused_by_name() -> None:
    Path("errors.json").write_text(json.dumps(content(groups={"skin": content()["groups"]["hair"]})))
    (problem,) = refused()
    assert "balance.0.target.from: errors.json has no errors by 'hair'; it has groups of 'skin'" in problem


def zeros(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "there is no file errors.json"),
        (os.mkfifo, "not a regular file"),
        (Path.mkdir, "errors.json cannot be read"),
        (zeros, "more than 16 MiB"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(make: Callable[[Path], object], reason: str) -> None:
    Path("errors.json").unlink()
    make(Path("errors.json"))
    assert all(reason in problem for problem in refused())


@pytest.mark.parametrize("counts", ["errors.json", "{from: 3}", "{}", "{file: errors.json}", "[errors.json]"])
def test_counts_of_another_form_are_refused(counts: str) -> None:
    problems = refused(SPEC.replace("counts: {from: errors.json}", f"counts: {counts}"))
    assert any("counts" in problem and "expected" in problem for problem in problems), problems


def test_the_content_comes_back_as_it_was_written() -> None:
    found = ErrorsFile.model_validate(content())
    Path("again.json").write_bytes(found.to_json())
    assert read_errors(Path("again.json"))[0] == found
