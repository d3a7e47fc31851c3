"""An audit without options: what the images themselves show."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import synthgen
from synthgen.auditing.inspection.findings import Inspection
from synthgen.auditing.inspection.outliers import odd
from synthgen.errors import UsageError
from synthgen.sets import open_set
from synthgen.sets.splits import splits_of
from synthgen.stats.near_hashes import NearHashes
from tests.auditing.planted import PLANTED, TEST, TRAIN, planted
from tests.auditing.portraits import KINDS, as_dataset, as_folder, table
from tests.command import call
from tests.page import Page


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("planted") / "people")


@pytest.fixture(scope="module")
def found(folder: Path) -> synthgen.Audit:
    return synthgen.audit(folder)


def inspection(found: synthgen.Audit) -> Inspection:
    assert found.report.inspection is not None
    return found.report.inspection


def by_issue(found: synthgen.Audit) -> dict[str, set[str]]:
    several: dict[str, set[str]] = {}
    for row in found.report.issue_rows:
        several.setdefault(row.kind.value, set()).add(row.id)
    return several


def test_every_planted_fault_is_found_and_nothing_else(found: synthgen.Audit) -> None:
    assert by_issue(found) == PLANTED
    counted = {issue.kind.value: issue.images for issue in inspection(found).issues}
    assert counted == {kind: len(images) for kind, images in PLANTED.items()}
    leak = inspection(found).leaks[0]
    assert (leak.first, leak.second, leak.exact, leak.near, leak.second_images) == ("train", "test", 1, 2, 2 * TEST + 2)


def test_shares_of_a_sample_have_intervals_and_counts_have_none(folder: Path, found: synthgen.Audit) -> None:
    issues = {issue.kind.value: issue.share for issue in inspection(found).issues}
    dark, repeated = issues["dark"], issues["exact_duplicate"]
    assert dark is not None
    assert dark.low < dark.value < dark.high
    assert repeated is not None
    assert repeated.low == repeated.value == repeated.high
    exact = inspection(synthgen.audit(folder, about="set")).issues
    assert all(issue.share is None or issue.share.half_width == 0 for issue in exact)


def test_one_command_tells_it_to_people_and_to_programs(folder: Path, tmp_path: Path) -> None:
    (broken := tmp_path / "set" / "test" / "chef" / "broken.png").parent.mkdir(parents=True)
    shutil.copytree(folder, tmp_path / "set", dirs_exist_ok=True)
    broken.write_bytes(b"no image")
    done = call("audit", "set", "-o", "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "No verdict: Audit of set"
    assert lines[1].startswith(f"Of {2 * (TRAIN + TEST) + 11} images: 2 also in another split")
    assert "2 of test are in train" in done.stdout
    told = json.loads((tmp_path / "out" / "audit.json").read_text("utf-8"))
    assert (told["inspection"]["left_out"], told["findings"]["images"]) == (1, 2 * (TRAIN + TEST) + 11)
    assert told["inspection"]["splits"] == {"test": 2 * TEST + 2, "train": 2 * TRAIN + 9}
    assert told["inspection"]["stored"]["formats"] == {"PNG": 2 * (TRAIN + TEST) + 10, "JPEG": 1}
    assert (told["judge"], told["diversity"]) == (None, None)

    with (tmp_path / "out" / "issues.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["id"] for row in rows if row["issue"] == "leak"} == PLANTED["leak"]
    twin = next(row for row in rows if row["id"] == "test/chef/near.jpg" and row["issue"] == "near_duplicate")
    assert (twin["twin"], twin["split"], twin["class"]) == ("train/chef/001.png", "test", "chef")
    text = Page((tmp_path / "out" / "report.html").read_text("utf-8")).text
    assert "2 also in another split" in text
    assert "test/chef/broken.png" in text


def test_cleanvision_finds_the_same(folder: Path, found: synthgen.Audit) -> None:
    """Its limits are nearly these. It compares hashes of 64 bits, finds only strong blur, and calls black dark."""
    from cleanvision import Imagelab

    lab = Imagelab(data_path=str(folder))
    lab.find_issues(n_jobs=1, verbose=False)

    def theirs(issue: str) -> set[str]:
        flagged = lab.issues.index[lab.issues[f"is_{issue}_issue"]]
        return {Path(name).relative_to(folder).as_posix() for name in flagged}

    ours = by_issue(found)
    assert theirs("exact_duplicates") == ours["exact_duplicate"]
    assert theirs("dark") == ours["dark"] | ours["blank"]
    assert theirs("light") == ours["bright"]
    assert theirs("low_information") == ours["blank"]
    assert theirs("odd_aspect_ratio") == ours["odd_aspect_ratio"]
    assert theirs("grayscale") == {"train/chef/grey.png"} < ours["greyscale"]
    assert ours["odd_size"] < theirs("odd_size")
    assert ours["near_duplicate"] & theirs("near_duplicates") >= {"train/chef/grey.png", "train/chef/005.png"}


def test_no_near_hash_is_missed() -> None:
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 256, (900, 32), dtype=np.uint8)
    for place in range(400):
        hashes[place + 400] = hashes[place]
        for bit in rng.choice(256, rng.integers(1, 13), replace=False):
            hashes[place + 400, bit // 8] ^= np.uint8(1 << (bit % 8))
    marks = np.left_shift(np.uint64(1), rng.integers(0, 3, len(hashes)).astype(np.uint64))
    found = NearHashes(hashes, 8, marks)
    apart = np.stack([np.bitwise_count(hashes ^ each).sum(1, dtype=np.int64) for each in hashes])
    np.fill_diagonal(apart, 999)
    near = apart <= 8
    assert near.any(1).sum() > 400
    assert ((found.nearest >= 0) == near.any(1)).all()
    assert (np.where(near.any(1), found.bits, 999) == np.where(near.any(1), apart.min(1), 999)).all()
    assert (found.around == np.array([np.bitwise_or.reduce(marks[row], initial=0) for row in near])).all()
    assert all((found.groups[row] == found.groups[place]).all() for place, row in enumerate(near))


@pytest.mark.parametrize("kind", ["saved splits", "parquet folder", "column", "tar", "zip", "mapping"])
def test_splits_are_known_where_the_set_says_them(kind: str, tmp_path: Path) -> None:
    rows = table()
    if kind == "mapping":
        from datasets import DatasetDict

        found = open_set(DatasetDict({"fold1": as_dataset(rows[:5]), "fold2": as_dataset(rows[5:])}))
        assert splits_of(found) == ["fold1"] * 5 + ["fold2"] * 7
        return
    if kind == "column":
        frame = pd.DataFrame(rows).assign(split=["train"] * 8 + ["val"] * 4)
        assert splits_of(open_set(frame)) == ["train"] * 8 + ["val"] * 4
        return
    if kind in ("tar", "zip"):
        for split, part in (("train", rows[::2]), ("test", rows[1::2])):
            as_folder(tmp_path / "set" / split, part)
        if kind == "zip":
            place = Path(shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path / "set"))
            assert splits_of(open_set(place)) == ["test"] * 6 + ["train"] * 6
            return
        (tmp_path / "tars").mkdir()
        for split in ("train", "test"):
            shutil.make_archive(str(tmp_path / "tars" / f"{split}-000"), "tar", tmp_path / "set" / split)
        assert splits_of(open_set(tmp_path / "tars")) == ["test"] * 6 + ["train"] * 6
        return
    expected = ["train"] * 12 if kind == "parquet folder" else ["train"] * 6 + ["test"] * 6
    assert splits_of(open_set(KINDS[kind](tmp_path / "set", rows))) == expected


def test_a_set_without_splits_is_not_searched_for_leaks(tmp_path: Path) -> None:
    found = synthgen.audit(as_folder(tmp_path / "set", table()))
    issue = inspection(found).of(next(each.kind for each in inspection(found).issues if each.kind == "leak"))
    assert (issue.images, issue.share, issue.reason) == (0, None, "the set names no splits")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_set_can_be_inspected(kind: str, tmp_path: Path) -> None:
    found = synthgen.audit(KINDS[kind](tmp_path / "set", table()))
    assert (inspection(found).images, found.findings.classes) == (12, {"chef": 6, "doctor": 6})
    named = [caveat for caveat in found.notes if caveat.startswith("columns that may be attributes: skin (")]
    assert len(named) == (kind != "folder")


def test_a_flat_folder_has_images_and_no_classes(tmp_path: Path) -> None:
    for row in table():
        path = tmp_path / "flat" / str(row["id"]).replace("/", "-")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(row["image"])  # type: ignore[arg-type]
    found = synthgen.audit(tmp_path / "flat")
    assert (inspection(found).images, found.findings.classes) == (12, {})
    assert any("lies in no subfolder, so it has no class" in note for note in found.notes)
    with pytest.raises(UsageError, match="lies in no subfolder"):
        synthgen.audit(tmp_path / "flat", known={"skin": "skin"})


def test_a_list_of_labels_is_counted_and_its_columns_are_suggested(tmp_path: Path) -> None:
    rows = [f"{kind},{tone},{number}" for number, (kind, tone) in enumerate([("a", "x"), ("b", "y")] * 3)]
    (tmp_path / "set.csv").write_text("\n".join(["label,tone,number", *rows]))
    found = synthgen.audit(tmp_path / "set.csv")
    assert (found.report.inspection, found.findings.classes) == (None, {"a": 3, "b": 3})
    assert "the set has no images, so only its classes were counted" in found.notes
    named = "columns that may be attributes: tone (x, y); to measure one, name it with `known`, as tone=tone"
    assert named in found.notes
    found.write(tmp_path / "out")
    assert not (tmp_path / "out" / "issues.csv").exists()


def test_an_inspection_beside_a_known_column_leaves_its_figures_as_they_are(tmp_path: Path) -> None:
    place = KINDS["saved splits"](tmp_path / "set", table())
    plain = synthgen.audit(place, known={"skin": "skin"})
    both = synthgen.audit(place, known={"skin": "skin"}, inspect=True)
    assert plain.report.inspection is None
    assert both.findings == plain.findings
    copied = KINDS["saved splits"](tmp_path / "copied", [*table(), *table()[:2]])
    both = synthgen.audit(copied, known={"skin": "skin"}, inspect=True)
    assert both.findings.dependence, "copies of the same pixels are worth one image"
    assert [(leak.first, leak.second, leak.exact) for leak in inspection(both).leaks] == [("train", "test", 2)]


def test_images_that_cannot_be_opened_fail_the_audit_if_they_are_many(tmp_path: Path) -> None:
    place = as_folder(tmp_path / "set", table())
    for number in range(3):
        (place / "chef" / f"broken{number}.png").write_bytes(b"no image")
    found = synthgen.audit(place)
    assert found.outcome == "fail"
    assert "3 of 15 images were left out" in found.findings.gates[0].reason


def test_names_from_a_set_cannot_act_on_the_page(tmp_path: Path) -> None:
    for kind in ("<img src=x onerror=alert(1)>", "b"):
        for number in range(2):
            path = tmp_path / "set" / kind / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8)).save(path)
    found = synthgen.audit(tmp_path / "set")
    _, page = found.write(tmp_path / "out")
    assert "<img src=x" not in page.read_text("utf-8")
    assert inspection(found).twins[0].images == 4


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([64.0], [False]),
        ([64.0] * 30 + [100.0], [False] * 31),
        ([64.0] * 30 + [640.0], [False] * 30 + [True]),
    ],
)
def test_an_odd_size_is_far_from_the_median_by_a_factor(values: list[float], expected: list[bool]) -> None:
    assert odd(np.array(values), 2.0).tolist() == expected
