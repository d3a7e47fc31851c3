"""A calibration owns its files: they appear whole, and a missed promise writes over nothing."""

import csv
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

import synthgen
from synthgen.errors import StorageError, UsageError
from synthgen.pages.pilot_labels import add_rows

SPEC = {
    "synthgen": 1,
    "name": "small",
    "model": {"id": "bundled:workers", "steps": 2},
    "classes": {"doctor": 2, "chef": 2},
    "prompts": {"templates": ["a {class}"]},
    "filters": {"label": {"min_posterior": 0.01}},
}


@contextmanager
def no_file_larger_than(limit: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> synthgen.Pilot:
    made = synthgen.pilot(SPEC, str(tmp_path_factory.mktemp("pilots") / "pilot"), 4, devices="cpu")
    with made.table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with made.table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "right": "yes"} for row in rows)
    return made


def test_thresholds_are_kept_and_a_missed_promise_leaves_them(pilot: synthgen.Pilot) -> None:
    folder, file = pilot.table.parent, pilot.table.parent / "calibration.json"
    missed = synthgen.calibrate(SPEC, folder, pilot.table, 0.99)
    assert (missed.file, missed.plot, missed.earlier) == (None, folder / "calibration.svg", False)
    assert missed.calibration.missed == ("doctor", "chef")
    assert not file.exists()

    found = synthgen.calibrate(SPEC, str(folder), str(pilot.table), precision=0.4, confidence=0.5)
    assert (found.file, found.earlier) == (file, False)
    assert synthgen.Calibration.from_json(file.read_text("utf-8"), "it") == found.calibration
    named = {**SPEC, "filters": {"label": {"calibration": str(file)}}}
    assert synthgen.plan(named).promise == "precision 0.4 with confidence 0.5"

    before = file.read_bytes()
    again = synthgen.calibrate(SPEC, folder, pilot.table, 0.99)
    assert (again.file, again.earlier, file.read_bytes()) == (None, True, before)

    kept = synthgen.keep_share(SPEC, folder, 0.5)
    assert (kept.file, kept.plot) == (file, None)
    assert not (folder / "calibration.svg").exists(), "it showed the labels' thresholds"


def test_a_pilot_counts_its_looks(pilot: synthgen.Pilot, tmp_path: Path) -> None:
    head, *rows = pilot.table.read_text("utf-8").splitlines()
    folder, kept = pilot.table.parent, pilot.table.parent / "looks.json"

    def looks(labelled: int) -> list[int]:
        filled = [row if number < labelled else row.replace("yes", "") for number, row in enumerate(rows)]
        (tmp_path / "filled.csv").write_text("\n".join([head, *filled]) + "\n", "utf-8")
        found = synthgen.calibrate(SPEC, folder, tmp_path / "filled.csv", 0.2, 0.5).calibration.classes
        return [found[name].look or 0 for name in ("doctor", "chef")]

    doctor, chef = looks(8)
    assert looks(8) == [doctor, chef], "the same call again"
    assert looks(7) == [doctor, chef + 1], "one label of a chef less"
    assert looks(8) == [doctor, chef], "the first ones again"
    assert looks(5) == [doctor, chef + 2]
    before = kept.read_bytes()
    kept.write_text("[]")
    with pytest.raises(UsageError, match=r"looks\.json cannot be read"):
        looks(8)
    kept.write_bytes(before)


def test_a_full_disk_leaves_the_calibration_of_before(pilot: synthgen.Pilot) -> None:
    file = pilot.table.parent / "calibration.json"
    synthgen.keep_share(SPEC, pilot.table.parent, 0.5)
    before = file.read_bytes()
    with no_file_larger_than(64), pytest.raises(StorageError, match=r"calibration\.json"):
        synthgen.keep_share(SPEC, pilot.table.parent, 1)
    assert file.read_bytes() == before
    assert {path.name for path in pilot.table.parent.glob(".*")} == set()


def test_a_full_disk_while_rows_are_added_loses_no_label(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    add_rows({"00000-000000": "doctor"}, table)
    table.write_text(table.read_text("utf-8").replace("doctor,", "doctor,yes"), "utf-8")
    labelled = table.read_bytes()
    more = {f"00000-{number:06d}": "doctor" for number in range(100)}
    with no_file_larger_than(len(labelled) + 20), pytest.raises(StorageError, match=r"labels\.csv"):
        add_rows(more, table)
    assert table.read_bytes() == labelled
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]
    assert len(add_rows(more, table)) == 100
    assert table.read_bytes().startswith(labelled)


@pytest.mark.parametrize("override", ["seed=3\nmodel:\n  steps: 50", 'name="a\\nb"', "seed=\u2028 4", "seed=\x85 4"])
def test_an_override_stays_one_comment_of_the_kept_text(override: str) -> None:
    from synthgen.api.specs import with_settings
    from synthgen.spec import Settings, SpecText

    kept = with_settings(SpecText("synthgen: 1\n", "spec.yaml"), Settings([override]))
    first, *rest = kept.splitlines()
    assert json.loads(first.removeprefix("# override: ")) == override
    assert rest == ["synthgen: 1"]
    assert yaml.safe_load(kept) == {"synthgen": 1}


@pytest.fixture(scope="module")
def redrawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], Path]:
    """A spec that redraws renders, and its pilot, with pages and tables for both questions."""
    folder = tmp_path_factory.mktemp("redrawn")
    synthgen.render(folder / "renders", 6, seed=1)
    spec = {
        **SPEC,
        "task": "image-to-image",
        "source": {"dataset": str(folder / "renders")},
        "annotate": {"boxes": "bundled:reader"},
        "classes": {"doctor": 1, "chef": 1},
        "filters": {"kept": {"min_score": 0.1}},
    }
    for name in ("kept", "changed", "box"):
        made = synthgen.pilot(spec, folder / "pilot", 2, filter=name, devices="cpu")
        filled = [line + ("yes" if number else "") for number, line in enumerate(made.table.read_text().splitlines())]
        made.table.write_text("\n".join(filled) + "\n")
    return spec, folder / "pilot"


@pytest.mark.parametrize(
    ("name", "key", "score"),
    [("kept", "min_score", "kept"), ("changed", "min_gain", "gained"), ("box", "min_margin", "box_margin")],
)
def test_what_was_kept_and_what_changed_is_calibrated_as_labels_are(
    redrawn: tuple[dict[str, object], Path], name: str, key: str, score: str
) -> None:
    spec, folder = redrawn
    shown = 4 if name == "box" else 8
    assert (folder / f"to-label-{name}.html").read_text().count("<img") == shown, "each image beside its picture"
    found = synthgen.calibrate(spec, folder, folder / f"labels-{name}.csv", 0.4, 0.5, filter=name)
    assert (found.file, found.plot) == (folder / f"calibration-{name}.json", folder / f"calibration-{name}.svg")
    assert not (folder / "calibration.json").exists()

    planned = synthgen.plan({**spec, "filters": {name: {"calibration": str(found.file)}}})
    floors = {kind: each.min_posterior for kind, each in found.calibration.classes.items()}
    assert getattr(getattr(planned.spec.filters, name), key) == floors
    (ledger,) = (folder / "ledger").iterdir()
    assert set(floors.values()) <= set(pq.read_table(ledger)[f"score_{score}"].to_pylist())
    assert planned.promise == f"{name}: precision 0.4 with confidence 0.5"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"label": {"calibration": "kept"}}, "is the calibration of the filter 'kept', not of 'label'"),
        ({"kept": {"calibration": "kept", "min_score": 0.5}}, "use either min_score or calibration, not both"),
        ({"kept": {}}, "expected a min_score, or a calibration"),
        ({"kept": {"min_score": {"doctor": 0.5}}}, "no threshold for the class 'chef'"),
        ({"changed": {"min_gain": {"docter": 0.5}}}, "there is no class 'docter'"),
        ({"changed": {"min_gain": "chance"}}, "expected a number"),
        ({"box": {"calibration": "kept"}}, "is the calibration of the filter 'kept', not of 'box'"),
    ],
)
def test_thresholds_that_are_none_of_a_filter_are_refused(
    redrawn: tuple[dict[str, object], Path], filters: dict[str, dict[str, object]], expected: str
) -> None:
    spec, folder = redrawn
    found = synthgen.keep_share(spec, folder, 1, filter="kept")
    named = {
        name: {key: str(found.file) if key == "calibration" else value for key, value in own.items()}
        for name, own in filters.items()
    }
    with pytest.raises(synthgen.SynthgenError, match=expected):
        synthgen.plan({**spec, "filters": named})


def test_images_that_begin_from_nothing_have_nothing_to_keep(pilot: synthgen.Pilot) -> None:
    with pytest.raises(UsageError, match="those of this spec begin from none"):
        synthgen.keep_share(SPEC, pilot.table.parent, 1, filter="kept")
    with pytest.raises(UsageError, match="the images of this spec have no boxes"):
        synthgen.keep_share(SPEC, pilot.table.parent, 1, filter="box")
    with pytest.raises(UsageError, match="expected label, kept, changed, box, found 'clip'"):
        synthgen.keep_share(SPEC, pilot.table.parent, 1, filter="clip")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"then": {"task": "upscale", "scale": 2}}, r"the (section 'then'|spec also has then\.0)"),
        ({"annotate": {"boxes": "bundled:reader"}}, "the section 'annotate'"),
    ],
)
def test_a_calibration_is_for_images_that_are_made_alike(
    pilot: synthgen.Pilot, more: dict[str, object], expected: str
) -> None:
    made = synthgen.keep_share(SPEC, pilot.table.parent, 1)
    calibrated = {**SPEC, "filters": {"label": {"calibration": str(made.file)}}}
    assert synthgen.plan(calibrated).promise
    with pytest.raises(UsageError, match=f"is the calibration of another spec: {expected}"):
        synthgen.plan({**calibrated, **more})
