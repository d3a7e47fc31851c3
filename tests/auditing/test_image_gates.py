"""Gates on what images show: decided as other gates are, without a judge."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from statsmodels.stats.proportion import proportion_confint

import synthgen
from synthgen.auditing.inspection.findings import IssueKind
from synthgen.errors import UsageError
from tests.auditing.planted import planted
from tests.command import call, said
from tests.page import Page


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("planted") / "people")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three of a hundred images are dark, all in one class; nothing else is wrong, and there are no splits."""
    rng = np.random.default_rng(3)
    for number in range(100):
        pixels = rng.integers(0, 40 if number < 3 else 256, (24, 24, 3), dtype=np.uint8)
        file = tmp_path_factory.getbasetemp() / "plain" / ("chef" if number < 50 else "doctor") / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
    return tmp_path_factory.getbasetemp() / "plain"


def outcomes(place: Path, *gates: str, about: str = "source") -> dict[str, str]:
    found = synthgen.audit(place, gates=gates, about=about)
    return {gate.gate: gate.outcome.value for gate in found.findings.gates}


def test_a_share_of_images_is_decided_by_its_interval(plain: Path) -> None:
    low, high = proportion_confint(3, 100, method="wilson")
    for limit, outcome in ((low * 0.99, "fail"), (low * 1.01, "insufficient data"), (high * 1.01, "pass")):
        assert list(outcomes(plain, f"dark <= {limit:.6f}").values()) == [outcome]
    found = synthgen.audit(plain, gates=["dark <= 1%"])
    (gate,) = found.findings.gates
    (check,) = gate.checks
    assert check.found is not None
    assert (gate.gate, check.place) == ("dark <= 0.01", "overall")
    assert (check.found.low, check.found.high) == pytest.approx((low, high))
    assert found.report.judge is None
    assert list(outcomes(plain, "dark <= 2%", about="set").values()) == ["fail"]


def test_each_class_must_keep_it_and_failures_hold_together(plain: Path) -> None:
    (gate,) = synthgen.audit(plain, gates=["dark within class <= 0.5"]).findings.gates
    assert {check.place: check.outcome.value for check in gate.checks} == {"class chef": "pass", "class doctor": "pass"}
    (gate,) = synthgen.audit(plain, gates=["dark within class <= 0.0205"]).findings.gates  # its end: 0.0206
    chef = gate.checks[0]
    assert (chef.outcome.value, chef.adjusted is not None and chef.adjusted > 0.025) == ("insufficient data", True)


@pytest.mark.parametrize(
    ("gate", "outcome"),
    [
        ("leaks <= 0", "fail"),
        ("leak <= 50%", "pass"),
        ("exact duplicates <= 0", "fail"),
        ("near-duplicates <= 0", "fail"),
        ("conflicting classes <= 0", "fail"),
        ("odd size <= 0", "fail"),
        ("greyscale <= 0", "fail"),
        ("grayscale overall ≤ 20%", "pass"),
        ("blank <= 0", "fail"),
    ],
)
def test_what_is_counted_is_decided_without_an_interval(gate: str, outcome: str, folder: Path) -> None:
    (found,) = synthgen.audit(folder, gates=[gate], about="set").findings.gates
    assert found.outcome.value == outcome
    assert all(check.found and check.found.half_width == 0 for check in found.checks)


def test_what_was_not_looked_for_passes_no_gate(plain: Path) -> None:
    found = synthgen.audit(plain, gates=["leak <= 0", "colour <= 0.5"]).findings
    assert {gate.outcome.value for gate in found.gates} == {"insufficient data"}
    assert "the set names no splits" in found.gates[0].reason
    assert "as 'greyscale'" in found.gates[1].reason


def test_every_issue_has_a_gate(plain: Path) -> None:
    assert len(outcomes(plain, *(f"{kind.value} <= 1" for kind in IssueKind))) == len(IssueKind)


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ("dark >= 0.1", "an issue of images has an upper limit only"),
        ("dark <= 1.5", "the limit '1.5' is not a share"),
        ("drak <= 0.1", "'drak' is not an issue of images"),
        ("tv within class <= 0.1", "'tv' is not an issue of images"),
        ("dark <= many", "the limit 'many' is not a share"),
    ],
)
def test_what_does_not_apply_is_refused(gate: str, message: str, plain: Path) -> None:
    with pytest.raises(UsageError, match=message):
        synthgen.audit(plain, gates=[gate])


def test_a_table_without_images_has_no_such_gate() -> None:
    people = pd.DataFrame({"label": ["a", "b"] * 10, "skin": ["x", "y"] * 10})
    with pytest.raises(UsageError, match="gate 'dark <= 0': the set has no images to look at"):
        synthgen.audit(people, known={"skin": "skin"}, gates=["dark <= 0"])


def test_it_stands_beside_gates_on_attributes_and_is_told(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "set")
    done = call("audit", "set", "--gate", "blurry <= 90%", "--gate", "leak <= 0.1%", "-o", "out", folder=tmp_path)
    assert done.returncode == 4
    assert "fail: leak <= 0.001: overall: " in said(done.stderr)
    told = json.loads((tmp_path / "out" / "audit.json").read_text("utf-8"))
    assert told["outcome"] == "fail"
    assert told["findings"]["rests_on"] == ["the images themselves"]
    text = Page((tmp_path / "out" / "report.html").read_text("utf-8")).text
    assert "leak <= 0.001" in text
    assert "What was decided rests on the images themselves." in text


def test_copies_of_images_do_not_decide_a_gate_that_their_originals_leave_open(tmp_path: Path) -> None:
    """Forty images leave up to 9 % dark ones; that a set holds each of them ten times changes nothing."""
    rng = np.random.default_rng(5)
    for number in range(40):
        image = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
        for copy in range(10):
            file = tmp_path / "set" / ("chef" if number < 20 else "doctor") / f"{number}-{copy}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            image.save(file)
    for number in range(20):  # equal, but not copies
        Image.new("RGB", (24, 24)).save(tmp_path / "set" / "chef" / f"blank-{number}.png")
    gates = ["dark <= 2%", "dark within class <= 2%", "blank <= 7.5%"]
    found = synthgen.audit(tmp_path / "set", gates=gates)
    outcomes = {gate.gate: gate.outcome.value for gate in found.findings.gates}
    assert outcomes == {
        "dark <= 0.02": "insufficient data",
        "dark within class <= 0.02": "insufficient data",
        "blank <= 0.075": "insufficient data",
    }
    seen = found.report.inspection
    assert seen is not None
    worth = 420 / seen.design_effect
    assert worth == pytest.approx(420**2 / (40 * 10**2 + 20))
    share = seen.of(IssueKind.DARK).share
    assert share is not None
    assert (share.low, share.high) == pytest.approx(proportion_confint(0, worth, method="wilson"))
    assert any("worth 44" in note for note in seen.caveats)
    of_set = synthgen.audit(tmp_path / "set", gates=gates, about="set").findings.gates
    assert {gate.outcome.value for gate in of_set} == {"pass"}
