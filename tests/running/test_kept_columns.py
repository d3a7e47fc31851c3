"""Columns of source pictures that images take over, and that prompts show: from the set to the dataset."""

import json
from collections.abc import Mapping
from pathlib import Path

import datasets
import pytest

from synthgen.api.finishing import finalized
from synthgen.api.fitness import call_of_spec
from synthgen.api.long_texts import long_texts, source_here
from synthgen.api.sources import pictures_of, sources_of
from synthgen.errors import PlanChanged, SpecError, UsageError
from synthgen.planning import Plan, Revisions, column_texts, make_plan
from synthgen.planning.candidates import first_candidates, prompts_for
from synthgen.running import create_run, open_run, work
from synthgen.spec import parse_spec
from synthgen.spec.template import Template
from synthgen.store import FolderStore
from synthgen.testing import BrightnessJudge
from tests.pictures import Varying, make_pictures
from tests.running.tables import images_of, ledger_of

SPEC = """\
synthgen: 1
name: captioned
model: {id: "bundled:workers"}
task: image-to-image
source: {dataset: "%s", keep: [caption, age, tags, indoors]}
classes: {doctor: 4, chef: 2}
prompts: {templates: ["{source.caption}, {source.tags} for {a:tone} frame"], variables: {tone: [red, blue]}}
safety: {block: [monster]}
output: {shard_size: 3, splits: {train: 0.5, test: 0.5}}
"""
ROW = {"caption": "a doctor\n with a {class} {{", "age": 40, "tags": ["a", "b", "c"], "indoors": True}


def save(folder: Path, rows: Mapping[int, Mapping[str, object]] | None = None) -> Path:
    """Save eleven pictures of doctors and two of chefs, with metadata; the rows of some differ by these cells."""
    make_pictures(folder, doctor=11, chef=2)
    files = [*((f"doctor/{n}.png", "doctor") for n in range(11)), *((f"chef/{n}.png", "chef") for n in range(2))]
    lines = [
        json.dumps({"file_name": file, "label": of, **ROW, **((rows or {}).get(number, {}))})
        for number, (file, of) in enumerate(files)
    ]
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    return folder


def planned(photos: Path, *overrides: str) -> Plan:
    spec = parse_spec(SPEC % photos, overrides=overrides)
    return make_plan(spec, Revisions("varying", "brightness"), sources_of(spec))


def test_images_take_columns_over_and_prompts_show_them(tmp_path: Path) -> None:
    photos = save(tmp_path / "photos", {12: {"caption": "a chef, bald", "age": 1.5, "tags": None, "indoors": None}})
    plan, store = planned(photos), FolderStore(tmp_path / "run")
    create_run(store, plan, "spec")
    there = open_run(store)
    pictures = pictures_of(there)
    assert pictures is not None
    work(there, store, Varying(pictures), BrightnessJudge(), range(there.shard_count))
    for rows in (images_of(tmp_path / "run", plan), ledger_of(tmp_path / "run", plan)):
        for row in rows:
            tone = json.loads(row["variables"])["tone"]
            if row["source_id"] == "chef/1.png":
                assert (row["caption"], row["age"], row["tags"]) == ("a chef, bald", 1.5, None)
                assert row["prompt"] == f"a chef, bald, for a {tone} frame"
            else:
                assert (row["caption"], row["age"], row["indoors"]) == (ROW["caption"], 40.0, True)
                assert row["prompt"] == f"a doctor with a {{class}} {{{{, a, b and c for a {tone} frame"
    result = finalized(there, store, fresh=1)
    (rows, *_) = datasets.load_dataset(result.dataset).values()
    kept = ("caption", "age", "tags", "indoors")
    assert [str(rows.features[name]) for name in kept] == [
        *("Value('string')", "Value('float64')", "List(Value('string'))", "Value('bool')")
    ]
    card = (Path(result.dataset) / "README.md").read_text()
    assert "`caption`, `age`, `tags`, `indoors`" in card

    again = planned(save(tmp_path / "other", {0: {"age": 41}}))
    assert again.fingerprint != plan.fingerprint
    with pytest.raises(PlanChanged, match=r"picture 'doctor/0\.png' has another 'age' now: 41\.?0?, had 40"):
        create_run(store, again, "spec")


def test_prompts_are_counted_with_what_columns_say_and_long_ones_are_found(tmp_path: Path) -> None:
    plan = planned(save(tmp_path / "photos", {0: {"caption": "another one"}, 1: {"caption": "long " * 90}}))
    doctor, _ = plan.cells
    assert prompts_for(plan.spec, doctor, column_texts(plan, "doctor")) == 3 * 2
    assert {one.prompt.startswith("a doctor with") for one in first_candidates(plan, 12)} == {True, False}
    source = source_here(plan.spec)
    assert source is not None
    call = call_of_spec(plan.spec, source)
    assert long_texts(plan.spec, call, source).findings == []
    (finding,) = long_texts(plan.spec, call, source, lambda name: column_texts(plan, name)).findings
    assert finding.path[:2] == ("prompts", "templates")
    assert "tokens" in finding.message


def test_a_picture_without_a_prompt_or_with_a_blocked_phrase_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos = save(tmp_path / "photos", {3: {"caption": "a red Monster"}, 4: {"caption": " "}})
    plan = planned(photos, 'prompts={templates: ["{source.caption}"]}', "source.where={label: [doctor, chef]}")
    assert plan.sources is not None
    assert {row.id for row in plan.sources.rows.all}.isdisjoint({"doctor/3.png", "doctor/4.png"})
    assert "doctor/3.png: with the column 'caption', a prompt contains the blocked 'monster'" in caplog.text
    assert "doctor/4.png: the template '{source.caption}' gives no prompt" in caplog.text


@pytest.mark.parametrize(
    ("overrides", "cells", "message"),
    [
        (["source.keep=[captoin, caption, tags]"], {}, "no column 'captoin'"),
        (["source.keep=[caption, tags, Prompt, score_x]"], {}, "'Prompt', 'score_x': the dataset has columns of"),
        ([], {"caption": {"bytes": "x"}}, "'caption' holds a picture, or other bytes in row 1"),
        ([], {"tags": [[1], [2]]}, "'tags' holds lists within a list in row 1"),
        ([], {"tags": ["a", 1]}, "'tags' holds numbers and texts"),
        ([], {"caption": "x" * 10_001}, "'caption' has 10,001 characters in row 1"),
        (
            ["source.keep=[caption, tags, outline]", "source.mask=outline"],
            {"outline": "m.png"},
            "'outline' is that of source.mask",
        ),
    ],
)
def test_columns_that_no_dataset_could_hold_are_refused(
    overrides: list[str], cells: Mapping[str, object], message: str, tmp_path: Path
) -> None:
    photos = save(tmp_path / "photos", {0: cells})
    with pytest.raises(UsageError, match=r"source\.keep") as found:
        planned(photos, *overrides)
    assert message in str(found.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["source.keep=[age, tags]"], "{source.caption} needs the column 'caption' in source.keep"),
        (["source.keep=[age, age, caption, tags]"], "'age' is listed twice"),
        (["task=text-to-image", "source=null"], "{source.caption} is a column of source, and images begin from no"),
    ],
)
def test_columns_that_no_picture_gives_are_refused_with_their_place(overrides: list[str], message: str) -> None:
    with pytest.raises(SpecError) as found:
        parse_spec(SPEC % "./photos", overrides=overrides)
    assert message in str(found.value)


def test_a_template_names_columns_as_they_are_called() -> None:
    template = Template.parse("{a:source.hair: length} {tone} {source.x y}")
    assert (template.columns, template.variables) == (("hair: length", "x y"), ("tone",))
    assert (
        "keep"
        not in parse_spec(
            (SPEC % "./photos")
            .replace(", keep: [caption, age, tags, indoors]", "")
            .replace("{source.caption}, {source.tags} for", "{class}")
        ).canonical()["source"]
    )
