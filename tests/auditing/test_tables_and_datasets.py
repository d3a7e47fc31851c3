"""Audits of sets in memory: a DataFrame or a dataset instead of a path, in each of the three places of a set."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from datasets import DatasetDict

import synthgen
from synthgen.errors import UsageError
from synthgen.events import Event, StepProgress
from synthgen.sets import decode
from tests.auditing.audits import JUDGE, UNIFORM, asked, counts, judged
from tests.auditing.portraits import as_dataset, table


def frame() -> pd.DataFrame:
    return pd.DataFrame(table())


def pictures() -> pd.DataFrame:
    images = [decode(row["image"]) for row in table()]  # type: ignore[arg-type]
    return frame().assign(image=pd.Series(images, dtype="object"))


SETS: dict[str, Any] = {
    "DataFrame": frame,
    "pictures": pictures,
    "Dataset": lambda: as_dataset(table()),
    "DatasetDict": lambda: DatasetDict({"train": as_dataset(table()[:6]), "test": as_dataset(table()[6:])}),
}


@pytest.mark.parametrize("make", SETS.values(), ids=SETS)
def test_a_judge_sees_in_memory_what_it_sees_in_a_folder(make: Any, folder: Path) -> None:
    here = synthgen.audit(make(), **asked(folder))
    there = judged(folder)
    assert counts(here) == counts(there) == {"light": 4, "medium": 4, "dark": 4}
    assert any(picture.image for several in here.report.pictures.values() for picture in several)


def test_a_reference_and_a_second_set_may_be_in_memory(folder: Path) -> None:
    other = frame()[frame()["skin"] != "dark"]
    found = synthgen.audit(as_dataset(table()), reference=other, compare=other, **asked(folder))
    assert found.findings.attributes[0].scopes[0].reference == {"light": 0.5, "medium": 0.5, "dark": 0.0}
    rows = found.tables["comparison"].set_index(["place", "what"])
    assert rows["first"].notna().any()
    assert (found.report.set_name, found.report.compared_with) == ("dataset", "table")


def test_a_table_of_known_columns_needs_neither_images_nor_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthgen.api.wiring.towers", None)
    found = synthgen.audit(frame()[["label", "skin"]], known={"skin": "skin"}, targets={"skin": "uniform"})
    assert found.findings.classes == {"chef": 6, "doctor": 6}


def test_the_command_that_checks_the_judge_is_not_written_where_a_set_has_no_name(folder: Path) -> None:
    gates = ["skin_tone over all: tv <= 0.9"]
    here = synthgen.audit(frame(), targets=UNIFORM, gates=gates, **asked(folder)).report.judge_check
    there = judged(folder, targets=UNIFORM, gates=gates).report.judge_check
    beside = judged(folder, targets=UNIFORM, gates=gates, reference=frame()).report.judge_check
    assert here is not None
    assert there is not None
    assert beside is not None
    assert (here.command, beside.command) == (None, None)
    assert str(there.command).startswith("synthgen audit")


def test_shares_in_a_mapping_are_written_into_the_command(folder: Path) -> None:
    targets = {"skin_tone": {"light": 0.4, "medium": 0.3, "dark": 0.3}}
    check = judged(folder, targets=targets, gates=["skin_tone over all: tv <= 0.9"]).report.judge_check
    assert check is not None
    assert "--target skin_tone=light:0.4,medium:0.3,dark:0.3" in str(check.command)


def test_a_sample_to_label_is_drawn_from_memory(folder: Path, tmp_path: Path) -> None:
    drawn = synthgen.export_labels(pictures(), 6, str(tmp_path), **asked(folder))
    assert drawn.page.read_text("utf-8").count("<img") == 6


def test_the_last_word_on_progress_is_the_end(folder: Path, tmp_path: Path) -> None:
    heard: list[Event] = []
    judged(folder, cache=tmp_path, on_progress=heard.append)
    last = {event.step: event for event in heard if isinstance(event, StepProgress)}
    assert last["embedding set"] == StepProgress("embedding set", "images", 12, 12)
    assert last["measuring skin_tone"] == StepProgress("measuring skin_tone", "classes", 2, 2)
    assert len(heard) >= len(last) > 1


def test_an_audit_is_shown_in_one_line(folder: Path) -> None:
    assert repr(judged(folder)) == "<Audit of set: 12 images, no gates>"
    gated = judged(folder, targets=UNIFORM, gates=["skin_tone over all: tv <= 0.9"])
    assert repr(gated) == "<Audit of set: 12 images, gates: insufficient data>"


def test_an_audit_is_written_into_a_folder_that_is_a_text(folder: Path, tmp_path: Path) -> None:
    document, page = judged(folder).write(str(tmp_path / "written"))
    assert (document, page) == (tmp_path / "written" / "audit.json", tmp_path / "written" / "report.html")
    assert document.is_file()
    assert page.is_file()


@pytest.mark.parametrize("inside", ["", "below"])
def test_a_cache_at_a_file_is_refused_by_name(inside: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("I am a file")
    with pytest.raises(UsageError, match=r"^cache: .*cache is a file") as caught:
        judged(folder, cache=tmp_path / "cache" / inside)
    assert "`cache`" in str(caught.value.hint)
    assert (tmp_path / "cache").read_text() == "I am a file"


def test_a_judge_of_one_name_is_refused_letter_by_letter_before_the_set_is_opened(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(UsageError, match=r"^judges: expected a list"):
        synthgen.audit("nobody/nothing", judges=JUDGE)
    assert caplog.text == ""
