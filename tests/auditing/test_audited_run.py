"""The audit of a run: from its records, or by another judge."""

from pathlib import Path

import pandas as pd
import pytest

import synthgen
from synthgen.auditing.places import output_folder
from synthgen.spec import parse_spec
from tests.auditing.audits import JUDGE, SPEC, UNIFORM, counts
from tests.auditing.portraits import ATTRIBUTES
from tests.judging.tiny import save_judge


def test_a_run_is_audited_from_its_records(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.api.wiring.towers", None)
    found = synthgen.audit(run, cache=tmp_path, targets=UNIFORM)
    kept = pd.read_parquet(run / "dataset" / "data")["attribute_skin_tone"].value_counts()
    assert counts(found) == {value: kept.get(value, 0) for value in ("light", "medium", "dark")}
    assert found.report.same_judge
    assert found.findings.pipeline is not None
    assert found.findings.pipeline.attempts == sum(synthgen.status(run)[1].counts.values())
    assert [gate.gate for gate in found.findings.gates] == ["skin_tone within class: tv <= 0.9"]
    assert {loss.column for loss in found.findings.pipeline.losses} == {"label", "variable skin"}
    assert list(tmp_path.iterdir()) == []


def test_the_records_are_what_the_judge_would_say_again(run: Path, tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    again = synthgen.audit(
        run / "dataset" / "data", attributes=tmp_path / "attributes.yaml", judges=[JUDGE], cache=tmp_path, device="cpu"
    )
    assert counts(again) == counts(synthgen.audit(run, cache=tmp_path, targets=UNIFORM))
    assert not again.report.same_judge


def test_another_judge_looks_at_a_runs_images(run: Path, tmp_path: Path) -> None:
    save_judge(tmp_path / "tiny")
    tiny, more = f"local-dir:{tmp_path / 'tiny'}", {"cache": tmp_path, "device": "cpu", "targets": UNIFORM}
    found = synthgen.audit(run, judges=[JUDGE, tiny], **more)  # type: ignore[arg-type]
    assert found.report.same_judge
    assert len(found.findings.agreement) == 1
    other = synthgen.audit(run, judges=[tiny], **more)  # type: ignore[arg-type]
    assert not other.report.same_judge


def test_an_audited_run_is_still_a_good_run(run: Path) -> None:
    found = synthgen.audit(run, targets=UNIFORM)
    assert found.write(output_folder(run))[1] == run / "audit" / "report.html"
    assert synthgen.verify(run) == []
    assert synthgen.run(parse_spec(SPEC), run, devices="cpu").fresh == 0


def test_a_run_answers_what_is_asked_of_a_dataset(run: Path, tmp_path: Path) -> None:
    found = synthgen.audit(run, targets=UNIFORM, cache=tmp_path)
    questions = found.report.questions
    assert questions is not None
    points = {point.key: point for point in questions.article_10}
    plan = synthgen.status(run)[0]
    origin = " ".join(points["10(2)(b)"].known)
    assert f"model {plan.spec.model.id}, revision {plan.revisions.generator[:60]}" in origin
    assert f"seeds that derive from {plan.spec.seed}" in origin
    assert "none was collected or is a photograph" in origin
    assert "these were not accepted" in " ".join(points["10(2)(c)"].known)
    assert points["10(2)(f)"].link == "#attribute-0"
    sheet = {point.key: point for group in questions.datasheet for point in group.points}
    assert sheet["distribution: licence"].known == ("The bundled model’s weights are under Apache-2.0.",)
    assert "1 limit checked" in " ".join(sheet["uses: risks"].known)
    found.write(output_folder(run))
    assert synthgen.verify(run) == []
