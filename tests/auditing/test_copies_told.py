"""What copies of pixels cost is said wherever the audit answers, and so is what the audit does meanwhile."""

import json
from pathlib import Path

import synthgen
from synthgen.events import StepProgress
from tests.auditing.test_skipped_images import pictures
from tests.command import call

UNIQUE, COPIES = 8, 5


def repeated(folder: Path) -> Path:
    for kind in ("chef", "doctor"):
        for name in pictures(folder / kind, UNIQUE):
            for number in range(COPIES):
                (folder / kind / f"{number}-{name}").write_bytes((folder / kind / name).read_bytes())
            (folder / kind / name).unlink()
    return folder


def test_the_note_on_copies_stands_on_the_page_in_the_file_and_in_the_terminal(tmp_path: Path) -> None:
    done = call("audit", repeated(tmp_path / "set"), "-o", "out", folder=tmp_path)
    note = "copies of the same pixels make 80 images worth 8"
    assert note in " ".join(done.stdout.split())
    assert note in json.loads((tmp_path / "out/audit.json").read_text())["inspection"]["caveats"][0]
    assert note in (tmp_path / "out/report.html").read_text().lower()


def test_the_progress_says_that_images_are_compared_after_all_were_looked_at(tmp_path: Path) -> None:
    heard: list[object] = []
    synthgen.audit(repeated(tmp_path / "set"), on_progress=heard.append)
    steps = [each for each in heard if isinstance(each, StepProgress)]
    names = list(dict.fromkeys(each.step for each in steps))
    assert names == ["looking at set", "comparing images of set"]
    compared = [(each.done, each.total) for each in steps if each.step == names[1]]
    assert compared == [(0, 2 * UNIQUE * COPIES), (2 * UNIQUE * COPIES, 2 * UNIQUE * COPIES)]
