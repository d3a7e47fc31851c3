"""Specs with pictures to begin from, as the command line takes and refuses them."""

from pathlib import Path

import pytest

import synthgen
from synthgen.errors import UsageError
from tests.command import command_line
from tests.pictures import make_pictures

SPEC = """\
synthgen: 1
name: varied
task: image-to-image
source: {dataset: ./photos, per_source: 2}
model: {id: "bundled:workers", steps: 4}
classes: {doctor: 6, chef: 4}
prompts: {templates: ["a portrait of a {class}"]}
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A spec in a folder of its own, with its pictures; the working folder is another."""
    make_pictures(tmp_path / "mine" / "photos", doctor=4, chef=3, nurse=1)
    (tmp_path / "mine" / "spec.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return "mine/spec.yaml"


def test_a_plan_tells_the_pictures_that_it_takes_and_leaves_out(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["plan", spec]) == 0
    out, err = capsys.readouterr()
    assert "pictures  ./mine/photos: 7 (chef 3, doctor 4), sha256 " in out
    assert "up to 2 images from each" in out
    assert "source: 1 picture of other classes left out: nurse (1)" in err


REFUSED = {
    "source.dataset: ./mine/elsewhere: there is no such file": ["source.dataset=./mine/elsewhere"],
    "allow 8 images, and 9 are asked for": ["classes.doctor=9"],
    "has no picture of the class 'farmer'": ["classes.farmer=1"],
    "'image-to-image' begins from pictures: add source": ["source=null"],
    "'text-to-image' begins from no picture": ["task=text-to-image"],
    "'control' needs what leads the images: add control": ["task=control"],
    "expected a folder or file that starts with './'": ["source.dataset=photos"],
    "source.where.year: expected a value, or a list of values": ["source.where.year=[]"],
}


@pytest.mark.parametrize(("message", "overrides"), REFUSED.items(), ids=REFUSED)
def test_what_cannot_be_planned_is_refused_by_name(
    message: str, overrides: list[str], spec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line(["plan", spec, *(part for each in overrides for part in ("--set", each))]) == 2
    assert message in capsys.readouterr().err


def test_a_run_of_somebody_else_opens_no_pictures_without_trust(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = synthgen.begin(spec, "run")
    assert planned.sources is not None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another-user"))
    with pytest.raises(UsageError, match=r"would open it now:\n  the set of pictures ./mine/photos \(sha256:"):
        synthgen.work("run")


def test_a_run_in_the_folder_of_its_pictures_is_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="lie in one another"):
        synthgen.begin(spec, "mine/photos/run")
