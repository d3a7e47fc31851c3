"""What is asked of a set: every argument is checked before anything is opened, and named when it is wrong."""

import inspect
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import synthgen
from synthgen import AuditQuery, UsageError

MISTAKES: dict[str, tuple[dict[str, Any], str, str]] = {
    "one judge as a text": ({"judges": "bundled:judge"}, "judges", "judges=['bundled:judge']"),
    "one gate as a text": ({"gates": "skin: tv <= 0.1"}, "gates", "gates=['skin: tv <= 0.1']"),
    "one crossing as a text": ({"cross": "class,skin"}, "cross", 'cross=[("class", "skin_tone")]'),
    "one crossing as a list": ({"cross": ["class", "skin"]}, "cross", 'cross=[("class", "skin_tone")]'),
    "gates that are numbers": ({"gates": [1]}, "gates", "list of texts"),
    "known as a text": ({"known": "skin"}, "known", 'known={"skin_tone": "column"}'),
    "known with a number": ({"known": {"skin": 1}}, "known", "mapping of names"),
    "targets as a text": ({"targets": "uniform"}, "targets", 'targets={"skin_tone": "uniform"}'),
    "shares that are texts": ({"targets": {"skin": {"light": "half"}}}, "targets", '{"light": 0.5, "dark": 0.5}'),
    "shares in a list": ({"targets": {"skin": [0.5, 0.5]}}, "targets", '{"light": 0.5, "dark": 0.5}'),
    "a matrix that is a number": ({"confusions": {"skin": 3}}, "confusions", 'confusions={"skin_tone": "matrix.csv"}'),
}


@pytest.mark.parametrize(("asked", "argument", "right"), MISTAKES.values(), ids=MISTAKES)
def test_a_wrong_form_is_refused_with_the_right_one(asked: dict[str, Any], argument: str, right: str) -> None:
    with pytest.raises(UsageError) as caught:
        synthgen.audit("nowhere", **asked)
    assert caught.value.argument == argument
    assert right in str(caught.value.hint)


@pytest.mark.parametrize("asked", [{"spec": 3}, {"labels": b"x"}, {"device": None}, {"seed": -1}, {"seed": True}])
def test_a_value_of_another_kind_is_refused_by_name(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"^{next(iter(asked))}: expected"):
        AuditQuery(**asked)


def test_paths_may_be_texts_and_home_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    query = AuditQuery(spec="a.yaml", cache=Path("b"), labels="~/labels.csv")
    assert (query.spec, query.cache, query.labels) == (Path("a.yaml"), Path("b"), Path("/home/me/labels.csv"))


def test_a_query_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        AuditQuery().seed = 1  # type: ignore[misc]


@pytest.mark.parametrize("function", [synthgen.audit, synthgen.export_labels])
def test_every_argument_is_in_the_signature(function: Any) -> None:
    names = set(inspect.signature(function).parameters)
    assert {field.name for field in fields(AuditQuery)} | {"on_progress"} <= names


def test_an_argument_that_does_not_exist_is_refused_as_python_does() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'judge'"):
        synthgen.audit("set", judge="bundled:judge")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "target", ["light:0.4,medium:0.3,dark:0.3", {"light": 0.4, "medium": 0.3, "dark": 0.3}], ids=["text", "mapping"]
)
def test_targets_are_a_line_or_a_mapping_of_shares(target: Any) -> None:
    frame = pd.DataFrame({"label": ["a", "b"] * 3, "skin": ["light", "medium", "dark"] * 2})
    found = synthgen.audit(frame, known={"skin": "skin"}, targets={"skin": target})
    assert found.findings.attributes[0].scopes[0].reference == {"light": 0.4, "medium": 0.3, "dark": 0.3}


def test_a_value_that_is_named_twice_in_a_target_is_refused() -> None:
    frame = pd.DataFrame({"label": ["a", "b"], "skin": ["light", "dark"]})
    with pytest.raises(UsageError, match=r"^targets: skin=.*'light' is given twice"):
        synthgen.audit(frame, known={"skin": "skin"}, targets={"skin": "light:0.5,light:0.5"})
