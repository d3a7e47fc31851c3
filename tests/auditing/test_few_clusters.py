"""Few clusters are few images: images of one file, patient or prompt are never taken as independent."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from statsmodels.stats.proportion import proportion_confint

import synthgen
from synthgen.auditing.few_clusters import kish
from synthgen.auditing.findings import Findings, Scope
from synthgen.auditing.measure import AuditOptions, measure
from synthgen.sets import CLUSTER, SAME_FILE
from synthgen.stats.clusters import bootstrap
from tests.command import call

TONES = {"tone": ("light", "dark")}
PATIENT = f"{CLUSTER}patient_id"


def found(frame: pd.DataFrame, *gates: str, **given: object) -> Findings:
    options = AuditOptions(known=["tone"], gates=gates, **given)  # type: ignore[arg-type]
    return measure(frame, TONES, options)


def overall(frame: pd.DataFrame) -> Scope:
    return found(frame).attributes[0].scopes[0]


def alike(column: str, clusters: int, each: int, dark: int, classes: int = 1) -> pd.DataFrame:
    """All images of a cluster are the same; of `clusters` in every class, `dark` are dark."""
    number = np.tile(np.repeat(np.arange(clusters), each), classes)
    label = np.repeat(np.arange(classes), clusters * each)
    frame = pd.DataFrame({"label": [f"class {each}" for each in label]})
    frame["tone"] = np.where(number < dark, "dark", "light")
    return frame.assign(**{column: [f"{a}-{b}" for a, b in zip(label, number, strict=True)]})


@pytest.mark.parametrize("dark", [0, 2])
def test_five_files_of_a_hundred_rows_have_the_interval_of_five_images(dark: int) -> None:
    scope = overall(alike(SAME_FILE, 5, 100, dark))
    assert (scope.design_effect, scope.effect_is, scope.freedom) == (100, "known", None)
    share = scope.shares[1].clustered
    assert share is not None
    assert (share.low, share.high) == pytest.approx(proportion_confint(dark, 5, method="wilson"))


@pytest.mark.parametrize("column", ["prompt", "seed", "source_id", PATIENT])
@pytest.mark.parametrize("dark", [0, 2])
def test_of_few_clusters_each_counts_as_one_image_at_most(column: str, dark: int) -> None:
    scope = overall(alike(column, 5, 100, dark))
    assert (scope.design_effect, scope.effect_is) == (100, "bound")
    share = scope.shares[1].clustered
    assert share is not None
    assert (share.low, share.high) == pytest.approx(proportion_confint(dark, 5, method="beta"), abs=1e-3) or (
        share.low <= proportion_confint(dark, 5, method="beta")[0] + 1e-9
        and share.high >= proportion_confint(dark, 5, method="beta")[1] - 1e-9
    )


@pytest.mark.parametrize("column", ["prompt", "source_id", SAME_FILE, PATIENT])
@pytest.mark.parametrize(
    "gate", ["tone overall: share of dark <= 0.3", "tone: share of dark <= 0.3", "tone overall: unknown <= 0.02"]
)
def test_no_gate_passes_on_few_clusters_as_if_their_images_were_independent(column: str, gate: str) -> None:
    for dark in (0, 1):
        for classes in (1, 3):
            decided = found(alike(column, 5, 80, dark, classes), gate).gates[0]
            if "overall: share" in gate and classes == 3 and dark == 0:
                continue  # none of fifteen is at most 22 % at 97.5 %
            assert decided.outcome.value == "insufficient data", decided.reason


def test_all_images_alike_are_as_many_as_their_clusters() -> None:
    """Where all images show one value, nothing shows how alike images of one prompt are."""
    gate = "tone overall: share of dark <= 0.05"
    assert found(alike("prompt", 40, 20, 0), gate).gates[0].outcome.value == "insufficient data"
    assert found(alike("prompt", 400, 2, 0), gate).gates[0].outcome.value == "pass"


def test_a_class_of_few_prompts_learns_from_all_classes_how_alike_their_images_are() -> None:
    fixed = found(alike("prompt", 4, 50, 2, classes=8)).attributes[0].scopes[1]
    assert fixed.design_effect == pytest.approx(50, rel=0.1)
    assert fixed.effect_is == "estimate"
    rng = np.random.default_rng(0)
    mixed = alike("prompt", 4, 50, 2, classes=8)
    mixed["tone"] = np.where(rng.random(len(mixed)) < 0.5, "dark", "light")
    for scope in found(mixed).attributes[0].scopes[1:]:
        assert scope.design_effect is not None
        assert scope.design_effect < 6


def test_one_prompt_in_each_class_is_what_the_figures_are_about() -> None:
    """Images of one prompt are independent draws of it. They say nothing about other prompts, and the audit says so."""
    frame = pd.DataFrame({"label": np.repeat(["a", "b", "c"], 200), "tone": ["dark", "light"] * 300})
    frame["prompt"] = "a photo of " + frame["label"]
    seen = found(frame, "tone: share of dark <= 0.6")
    scope = seen.attributes[0].scopes[1]
    assert (scope.prompts, scope.clusters, scope.quote.figure) == (1, None, "raw")
    assert seen.gates[0].outcome.value == "pass"
    assert any("say nothing about other prompts" in caveat for caveat in seen.caveats)
    copied = frame.assign(**{SAME_FILE: frame["label"] + frame["tone"]})
    assert found(copied, "tone: share of dark <= 0.6").gates[0].outcome.value == "insufficient data"


def test_a_class_with_a_single_image_does_not_hide_the_repeats_of_the_others() -> None:
    frame = alike(SAME_FILE, 60, 10, 23)
    one = pd.DataFrame({"label": ["rare"], "tone": ["dark"], SAME_FILE: ["only"]})
    scope = overall(pd.concat([frame, one], ignore_index=True))
    assert scope.design_effect == pytest.approx(10, rel=0.15)
    lone = np.array([0] * 20 + [1])
    assert bootstrap(lone, np.random.default_rng(0), collapse=True) is not None


def test_errors_of_a_model_and_association_count_few_clusters_as_few_images() -> None:
    frame = alike(PATIENT, 3, 100, 1, classes=2)
    frame["predicted class"] = np.where(frame[PATIENT].str.endswith("-2"), "class 1", frame["label"])
    gates = ["tone overall: error difference <= 0.6", "tone overall: v <= 0.4"]
    assert [gate.outcome.value for gate in found(frame, *gates).gates] == ["insufficient data"] * 2
    plain = found(frame.drop(columns=PATIENT), *gates)
    assert [gate.outcome.value for gate in plain.gates] == ["pass"] * 2


def test_a_real_set_of_few_sources_is_a_reference_of_few_images() -> None:
    frame = alike("other", 300, 1, 150)
    real = alike("source_id", 6, 100, 3)
    seen = found(frame, "tone overall: tv <= 0.15", real=real)
    assert seen.attributes[0].scopes[0].distances[0].reference_images == 6
    assert seen.gates[0].outcome.value == "insufficient data"
    blind = found(frame, "tone overall: tv <= 0.15", real=real.drop(columns="source_id"))
    assert blind.gates[0].outcome.value == "pass"


def test_kish_is_the_variance_of_a_mean_of_equal_images() -> None:
    sizes, rng = np.array([1, 1, 2, 5, 30]), np.random.default_rng(0)
    values = rng.random((200_000, len(sizes))) < 0.3
    variance = (values @ sizes / sizes.sum()).var()
    assert kish(sizes.astype(float)) == pytest.approx(variance * sizes.sum() / 0.21, rel=0.02)


# --cluster


def written(folder: Path) -> Path:
    patient = np.repeat(np.arange(30), 20)
    frame = pd.DataFrame({"id": [f"i{row:03}" for row in range(600)], "label": ["a", "b"] * 300})
    frame["tone"] = np.where(patient < 15, "dark", "light")
    frame["patient_id"], frame["one"], frame["own"] = [f"p{each}" for each in patient], "x", frame["id"]
    frame.to_csv(folder / "set.csv", index=False)
    return folder / "set.csv"


@pytest.mark.slow
def test_groups_of_a_named_column_count_like_prompts(tmp_path: Path) -> None:
    place = written(tmp_path)
    command = ["audit", place, "--known", "tone=tone", "--target", "tone=uniform"]
    command += ["--gate", "tone overall: tv <= 0.1", "-o", tmp_path / "out"]
    assert call(*command, folder=tmp_path).returncode == 0
    ended = call(*command, "--cluster", "patient_id", folder=tmp_path)
    assert ended.returncode == 4
    assert "600 images in 30 groups share a patient_id" in " ".join(ended.stdout.split())
    saved = json.loads((tmp_path / "out" / "audit.json").read_text("utf-8"))["findings"]
    assert saved["dependence"]["shared"] == [
        {"what": "column patient_id", "images": 600, "groups": 30, "largest": 20, "counted": True}
    ]
    assert "patient_id" in saved["attributes"][0]["scopes"][0]["quote"]["reason"]
    assert "share a patient_id" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_columns_of_one_value_or_of_a_value_for_each_image_are_taken_as_they_are(tmp_path: Path) -> None:
    asked = {"known": {"tone": "tone"}, "targets": {"tone": "uniform"}, "gates": ["tone overall: tv <= 0.1"]}
    one = synthgen.audit(written(tmp_path), cluster="one", **asked).findings  # type: ignore[arg-type]
    assert one.gates[0].outcome.value == "insufficient data"
    assert one.attributes[0].scopes[0].design_effect == 600
    own = synthgen.audit(tmp_path / "set.csv", cluster=["own"], **asked).findings  # type: ignore[arg-type]
    assert own.gates[0].outcome.value == "pass"
    assert any("no two images share a own" in caveat for caveat in own.caveats)


def test_a_person_of_whom_every_class_has_one_image_is_one_person_in_the_whole_set() -> None:
    rng = np.random.default_rng(3)
    held = blind = 0
    for _ in range(25):
        dark = rng.random(60) < 0.4
        rows = [(f"c{kind}", "dark" if dark[who] else "light", f"p{who}") for who in range(60) for kind in range(12)]
        frame = pd.DataFrame(rows, columns=["label", "tone", PATIENT])
        for column, seen in (("with", overall(frame)), ("without", overall(frame.drop(columns=PATIENT)))):
            share = seen.shares[1].of(seen.quote.figure)
            assert share is not None
            held += column == "with" and share.low <= 0.4 <= share.high
            blind += column == "without" and share.low <= 0.4 <= share.high
    assert held >= 22
    assert blind < 16


@pytest.mark.parametrize(
    ("given", "said"),
    [("patientid", "Did you mean 'patient_id'"), ("label", "the column of the classes")],
)
def test_a_column_that_cannot_tell_dependent_images_is_refused(given: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(synthgen.UsageError) as caught:
        synthgen.audit(written(tmp_path), known={"tone": "tone"}, cluster=given)
    assert (caught.value.argument, said in str(caught.value) + str(caught.value.hint)) == ("cluster", True)
    with pytest.raises(synthgen.UsageError, match="no image is a sample"):
        synthgen.AuditQuery(known={"tone": "tone"}, cluster="patient_id", about="set")


def test_gates_on_images_allow_for_a_named_column(tmp_path: Path) -> None:
    rng, rows = np.random.default_rng(0), []
    for number in range(120):
        Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
        rows.append({"path": f"{number}.png", "label": "cook", "video": f"v{number // 40}"})
    pd.DataFrame(rows).to_csv(tmp_path / "set.csv", index=False)
    gates = ["dark <= 5%", "dark within class <= 5%"]
    blind = synthgen.audit(tmp_path / "set.csv", gates=gates).findings
    assert [gate.outcome.value for gate in blind.gates] == ["pass"] * 2
    seen = synthgen.audit(tmp_path / "set.csv", gates=gates, cluster="video").findings
    assert [gate.outcome.value for gate in seen.gates] == ["insufficient data"] * 2
