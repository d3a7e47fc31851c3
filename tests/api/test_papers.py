"""What the card says besides counts: from the plan of a run, and from the audit in its folder."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import synthgen
from synthgen.api.papers import audit_in, with_papers
from synthgen.dataset.describing import description_of
from synthgen.planning import Plan
from synthgen.store import open_store
from tests.dataset.shards import PROVENANCE

SPEC = """
synthgen: 1
name: few
model: {id: "bundled:workers"}
classes: {chef: 2, doctor: 2}
prompts: {templates: ["a {class} with {skin} skin"], variables: {skin: [light, dark]}}
attributes: {skin_tone: {values: {light: [light skin], dark: [dark skin]}, variable: skin}}
balance: [{attribute: skin_tone, target: uniform}]
output: {splits: {test: 2, train: rest}}
metadata: {license: CC-BY-4.0, creator: Lab}
"""
POINT = {"key": "10(2)(f)", "asked": "?", "known": ["Measured: 3 of 4."], "open": None, "link": "#x"}
AUDIT = {
    "questions": {"article_10": [POINT]},
    "provenance": {"created": "2026-11-30T12:00:00+00:00"},
    "findings": {"images": 4},
}
EVALUATION = {
    "format": 1,
    "verdict": "helps",
    "decided_by": "real + synthetic x8",
    "difference": {"value": 0.042, "low": 0.01, "high": 0.074},
    "learner": "probe",
    "seeds": 5,
    "images": {"real": 90, "test": 300, "synthetic": 900},
    "test": {"sha256": "abc", "groups": 299},
    "judge": {"name": "bundled:judge", "revision": "1"},
    "provenance": {"created": "2026-11-30T12:00:00+00:00"},
}


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_text(SPEC)
    return synthgen.begin("spec.yaml", "run")


def test_every_point_of_article_10_is_answered_or_open(planned: Plan) -> None:
    found = with_papers(PROVENANCE, planned, open_store("run"))
    assert [point.key for point in found.questions] == [f"10(2)({letter})" for letter in "abcdefgh"]
    assert all(point.open for point in found.questions)
    known = {point.key: " ".join(point.known) for point in found.questions}
    assert "balance skin tone within each class" in known["10(2)(a)"]
    assert "Splits: test has 2 images, train has the rest." in known["10(2)(e)"]
    assert "Licence of model (bundled:workers): Apache-2.0" in known["10(2)(b)"]
    assert (found.licence, found.audited, found.source) == ("cc-by-4.0", (), None)
    assert found.remake == "synthgen run spec.yaml -o few"
    said = description_of(replace(found, metadata=planned.spec.metadata))
    assert (said.licence, said.creator, said.url) == ("cc-by-4.0", "Lab", None)
    assert len(said.derived_from) == 2


def test_the_audit_inside_a_run_adds_its_figures(planned: Plan) -> None:
    Path("run/audit").mkdir()
    Path("run/audit/audit.json").write_text(json.dumps(AUDIT))
    found = with_papers(PROVENANCE, planned, open_store("run"))
    assert found.audited == ("Audited on 2026-11-30: 4 images.", "Measured: 3 of 4.")
    assert "Measured: 3 of 4." in next(point.known for point in found.questions if point.key == "10(2)(f)")


def test_the_evaluation_inside_a_run_is_quoted_with_its_interval(planned: Plan) -> None:
    Path("run/evaluation").mkdir()
    Path("run/evaluation/evaluation.json").write_text(json.dumps(EVALUATION))
    first, second, third = with_papers(PROVENANCE, planned, open_store("run")).evaluated
    assert first == "Evaluated on 2026-11-30, on 300 real test images, with 90 others for training: helps."
    assert "real + synthetic x8 changes the accuracy by +4.2 (+1.0 to +7.4) percentage points" in second
    assert "5 seeds" in second
    assert "probe" in second
    assert "bundled:judge" in second
    assert "abc" in third

    filters = {"verdict": "helps", "arm": "real + unfiltered x8", "difference": {"accuracy": EVALUATION["difference"]}}
    Path("run/evaluation/evaluation.json").write_text(json.dumps({**EVALUATION, "filters": filters}))
    *_, third, fourth = with_papers(PROVENANCE, planned, open_store("run")).evaluated
    assert third == (
        "Compared with as many images before the filters, accuracy changes by +4.2 (+1.0 to +7.4) percentage points."
    )
    assert "abc" in fourth
    without = {"filters": {"verdict": None, "arm": None, "difference": None, "reason": "no run"}}
    Path("run/evaluation/evaluation.json").write_text(json.dumps({**EVALUATION, **without}))
    assert len(with_papers(PROVENANCE, planned, open_store("run")).evaluated) == 3


@pytest.mark.parametrize("content", ["", "[]", "{", json.dumps({**EVALUATION, "verdict": "great"}), "[" * 100_000])
def test_what_is_no_evaluation_is_passed_over(content: str, planned: Plan) -> None:
    Path("run/evaluation").mkdir()
    Path("run/evaluation/evaluation.json").write_text(content)
    assert not with_papers(PROVENANCE, planned, open_store("run")).evaluated


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"questions": 3}', json.dumps({**AUDIT, "findings": {"images": "many"}}),
     json.dumps({**AUDIT, "questions": {"article_10": [{"key": 3}]}}), "[" * 100_000],
)  # fmt: skip
def test_what_is_no_audit_is_passed_over(content: str, planned: Plan) -> None:
    Path("run/audit").mkdir()
    Path("run/audit/audit.json").write_text(content)
    assert audit_in(open_store("run")) is None
    assert not with_papers(PROVENANCE, planned, open_store("run")).audited


def test_a_commit_of_the_hub_is_an_address() -> None:
    model = {"model": "owner/name", "revision": "0" * 40}
    for name, revision in (("owner/name", "main"), ("../x", "0" * 40), ("a/b c", "0" * 40)):
        other = description_of(replace(PROVENANCE, licences=({"model": name, "revision": revision},)))
        assert other.derived_from[0].iri.startswith("urn:synthgen:model:")
    found = description_of(replace(PROVENANCE, licences=(model, model)))
    assert [one.iri for one in found.derived_from] == [f"https://huggingface.co/owner/name/tree/{'0' * 40}"]
