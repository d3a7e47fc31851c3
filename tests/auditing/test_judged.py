"""The audit of images by a judge: what it finds, what it remembers, and which images it leaves out."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import synthgen
from synthgen.auditing.input.cache import EmbeddingCache
from synthgen.errors import StorageError, SynthgenError
from synthgen.spec import parse_spec
from tests.auditing.audits import JUDGE, SPEC, UNIFORM, asked, counts, judged
from tests.auditing.portraits import ATTRIBUTES, as_csv, as_folder, table
from tests.command import call
from tests.judging.tiny import save_judge


def test_the_bundled_judge_sees_what_is_there(folder: Path) -> None:
    found = judged(folder, targets=UNIFORM, cross=[("class", "skin_tone")])
    assert counts(found) == {"light": 4, "medium": 4, "dark": 4}
    assert found.findings.attributes[0].scopes[0].distances[0].found.value == 0
    assert found.report.judge is not None
    assert (found.report.judge.name, found.report.same_judge) == (JUDGE, False)
    assert any(picture.image for pictures in found.report.pictures.values() for picture in pictures)
    assert "skin tone" in found._repr_html_()


def test_a_second_audit_needs_no_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = judged(folder)
    monkeypatch.setattr("synthgen.api.wiring.towers", None)
    assert judged(folder).findings == first.findings


def test_a_cut_file_of_embeddings_is_told(folder: Path) -> None:
    judged(folder, cache=folder / "cut")
    part = next((folder / "cut").rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(SynthgenError, match="is damaged"):
        judged(folder, cache=folder / "cut")


def test_embeddings_beside_a_set_are_not_believed(folder: Path) -> None:
    """Whoever hands a run or a set over could have turned the verdict with them."""
    judged(folder, cache=folder / "set-audit/embeddings")
    before = sorted((folder / "set-audit").rglob("*.parquet"))
    for part in before:
        part.write_bytes(b"not read")
    found = judged(folder, cache=None, output=folder / "set-audit", targets=UNIFORM)
    assert counts(found) == {"light": 4, "medium": 4, "dark": 4}
    assert sorted((folder / "set-audit").rglob("*.parquet")) == before


def test_embeddings_of_two_widths_in_one_cache_are_told(tmp_path: Path) -> None:
    for width in (4, 8):
        cache = EmbeddingCache(tmp_path / str(width), "judge", "revision")
        cache.add([bytes([width]) * 32], np.zeros((1, width), np.float32), 1.0)
        cache.flush()
    with pytest.raises(StorageError, match="an embedding of one judge has 4 numbers here, and 8 elsewhere"):
        cache.add([b"k" * 32], np.zeros((1, 4), np.float32), 1.0)
    (part,) = (tmp_path / "8").rglob("*.parquet")
    part.rename(next((tmp_path / "4").iterdir()) / part.name)
    with pytest.raises(StorageError, match="is damaged: an embedding of one judge has") as refused:
        EmbeddingCache(tmp_path / "4", "judge", "revision")
    assert "made again" in (refused.value.hint or "")


def test_corrupt_images_are_counted_and_told_and_the_rest_is_audited(tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    as_folder(tmp_path / "set", table())
    (tmp_path / "set" / "chef" / "broken.png").write_bytes(table()[0]["image"][:99])  # type: ignore[index]
    found = judged(tmp_path)
    assert found.findings.images == 12
    assert "cannot be opened, and were left out: 1 (chef/broken.png)" in " ".join(found.findings.caveats)


def deepened(data: bytes) -> bytes:
    """The same portrait as grey of 16 bits."""
    with Image.open(io.BytesIO(data)) as image:
        values = np.asarray(image.convert("L")).astype(np.uint16) * 257
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def with_holes(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        clear = image.convert("RGBA")
    clear.putpixel((0, 0), (255, 0, 0, 0))
    file = io.BytesIO()
    clear.save(file, "PNG")
    return file.getvalue()


@pytest.mark.slow
def test_pictures_that_were_converted_are_counted_in_every_output_also_from_the_cache(tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    rows = [dict(row) for row in table()]
    for place, change in ((0, deepened), (1, deepened), (2, with_holes)):
        rows[place]["image"] = change(rows[place]["image"])  # type: ignore[arg-type]
    as_folder(tmp_path / "set", rows)
    options = ("audit", "set", "--attributes", "attributes.yaml", "--judge", JUDGE, "-o", "found")
    note = "2 images have 16 bits a channel and were scaled; 1 has transparency and was put on white"
    for _ in range(2):
        done = call(*options, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert note in done.stdout
        assert note in (tmp_path / "found" / "audit.json").read_text("utf-8")
        assert note in (tmp_path / "found" / "report.html").read_text("utf-8")


def test_embeddings_of_pictures_that_were_converted_otherwise_are_not_taken(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthgen.auditing.input.cache.CONVERSION", 1)
    judged(folder, cache=tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr("synthgen.api.wiring.towers", None)
    with pytest.raises(TypeError):  # no embedding is there, and nobody to make one
        judged(folder, cache=tmp_path)


def test_images_outside_the_set_are_refused_until_their_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    as_folder(tmp_path / "store", table())
    (tmp_path / "lists").mkdir()
    listing = pd.DataFrame([{"path": tmp_path / "store" / str(row["id"]), "label": row["label"]} for row in table()])
    listing.to_csv(tmp_path / "lists" / "set.csv", index=False)
    options = ("audit", "lists/set.csv", "--attributes", "attributes.yaml", "--judge", JUDGE, "-o", "found")
    done = call(*options, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert f"none of its images can be used: 12 whose path leads outside {tmp_path / 'lists'}" in done.stderr
    assert "--images-from" in done.stderr
    assert "Traceback" not in done.stderr
    done = call(*options, "--images-from", "store", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "left out" not in done.stdout


@pytest.mark.slow
def test_one_image_outside_the_set_is_left_out_and_named_and_stands_on_no_page(tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    as_folder(tmp_path / "set", table())
    (tmp_path / "private.png").write_bytes(table()[0]["image"])  # type: ignore[arg-type]
    rows = [{"path": str(row["id"]), "label": row["label"]} for row in table()]
    pd.DataFrame([*rows, {"path": "../private.png", "label": "chef"}]).to_csv(tmp_path / "set" / "set.csv")
    options = ("audit", "set/set.csv", "--attributes", "attributes.yaml", "--judge", JUDGE, "-o", "found")
    done = call(*options, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"images whose path leads outside {tmp_path / 'set'}, and were left out: 1 (../private.png)" in done.stdout
    drawn = call(*options, "--export-labels", 13, folder=tmp_path)
    assert drawn.returncode == 0, drawn.stderr
    assert "were left out: 1 (../private.png)" in drawn.stderr
    assert (tmp_path / "found" / "to-label.html").read_text("utf-8").count("<img") == 12


def test_a_set_of_corrupt_images_alone_is_no_perfect_score(tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    as_folder(tmp_path / "set", [{**row, "image": b"nothing"} for row in table()])
    found = judged(tmp_path, targets=UNIFORM, gates=["skin_tone over all: tv <= 0.9"])
    assert found.findings.images == 0
    assert found.outcome == "insufficient data"


@pytest.mark.parametrize("rows", [1, 6], ids=["one image", "one class"])
def test_the_smallest_sets_give_no_verdict_by_accident(rows: int, tmp_path: Path) -> None:
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    place = as_csv(tmp_path / "set", table()[:rows])
    found = synthgen.audit(place, targets=UNIFORM, gates=["skin_tone over all: tv <= 0.3"], **asked(tmp_path))
    assert found.outcome == "insufficient data"
    assert found.findings.attributes[0].association.v is None


def test_two_judges_are_compared(folder: Path) -> None:
    save_judge(folder / "tiny")
    found = judged(folder, judges=[JUDGE, f"local-dir:{folder / 'tiny'}"])
    (agreement,) = found.findings.agreement
    assert agreement.images == 12
    assert counts(found) == {"light": 4, "medium": 4, "dark": 4}, "the first judge's answers are the audit's"
    assert found.report.second_judge is not None


def test_a_class_that_the_spec_does_not_have_is_told(folder: Path) -> None:
    spec = parse_spec(SPEC.replace("classes: {doctor: 4, chef: 4}", "classes: {doctor: 4, nurse: 4}"))
    found = judged(folder, attributes=None, spec=spec, targets=UNIFORM)
    assert found.findings.undeclared == ("chef",)
    assert "classes without an image: nurse" in found.findings.caveats


def test_a_real_set_is_a_reference_and_another_set_is_compared(folder: Path, tmp_path: Path) -> None:
    other = [row for row in table() if row["skin"] != "dark"]
    as_folder(tmp_path / "other", other)
    found = judged(folder, reference=tmp_path / "other", compare=tmp_path / "other")
    scope = found.findings.attributes[0].scopes[0]
    assert scope.reference == {"light": 0.5, "medium": 0.5, "dark": 0.0}
    rows = found.tables["comparison"].set_index(["place", "what"])
    assert rows.loc[("overall", "share of dark"), "difference"] == pytest.approx(1 / 3)
    assert len(found.findings.amplification) == 1
