"""Plug-ins are found by entry points of installed distributions, and by nothing else."""

import sys
from pathlib import Path

import pytest

from synthgen.errors import UsageError
from synthgen.plugins import FORMATS, MEASURES, plugin, plugins
from tests.installed import install


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages on the path."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


def test_a_plug_in_is_found_without_being_imported_and_loaded_on_request(site: Path) -> None:
    install(site, "found-by-test", "1.2", {"found_by_test": "ANSWER = 42"}, {MEASURES: "answer = found_by_test:ANSWER"})
    found = plugin(MEASURES, "answer")
    assert (found.group, found.name, found.release) == (MEASURES, "answer", "found-by-test 1.2")
    assert "found_by_test" not in sys.modules
    assert found.load() == 42
    assert "answer" not in plugins(FORMATS)


def test_two_distributions_that_offer_one_name_are_refused_and_both_named(site: Path) -> None:
    install(site, "some-faces", "1", {}, {MEASURES: "faces = some_faces:Faces"})
    install(site, "more-faces", "2", {}, {MEASURES: "faces = more_faces:Faces"})
    with pytest.raises(UsageError, match=r"offer the measure 'faces': \w+-faces \d and \w+-faces \d") as raised:
        plugin(MEASURES, "faces")
    assert "some-faces 1" in str(raised.value)
    assert "more-faces 2" in str(raised.value)


def test_a_name_that_is_part_of_synthgen_is_refused(site: Path) -> None:
    install(site, "other-parquet", "3", {}, {FORMATS: "parquet = other_parquet:Writer"})
    with pytest.raises(UsageError, match="the format 'parquet' of other-parquet 3 has the name of one that is part"):
        plugin(FORMATS, "parquet", own=("parquet",))


@pytest.mark.parametrize(
    ("module", "cause"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("", "AttributeError: module 'broken_at_import' has no attribute 'Broken'"),
    ],
)
def test_what_cannot_be_imported_is_a_usage_error_with_distribution_and_cause(
    site: Path, module: str, cause: str
) -> None:
    install(site, "broken-thing", "0.1", {"broken_at_import": module}, {MEASURES: "broken = broken_at_import:Broken"})
    sys.modules.pop("broken_at_import", None)
    with pytest.raises(UsageError) as raised:
        plugin(MEASURES, "broken").load()
    assert raised.value.message == f"the measure 'broken' of broken-thing 0.1 cannot be imported: {cause}"


def test_what_is_not_installed_is_refused_with_what_is(site: Path) -> None:
    install(site, "some-faces", "1", {}, {MEASURES: "faces = some_faces:Faces"})
    with pytest.raises(UsageError, match="there is no measure 'facse' here") as raised:
        plugin(MEASURES, "facse")
    assert raised.value.hint == "Did you mean 'faces'?"
    with pytest.raises(UsageError) as raised:
        plugin(FORMATS, "coco", own=("parquet",))
    assert raised.value.hint == "There are: parquet."


def test_names_that_collide_do_no_harm_to_the_others(site: Path) -> None:
    install(site, "some-faces", "1", {}, {MEASURES: "faces = some_faces:Faces\nclip_score = some_faces:Score"})
    install(site, "more-faces", "2", {}, {MEASURES: "faces = more_faces:Faces\nhands = more_faces:Hands"})
    assert plugin(MEASURES, "hands", own=("clip_score",)).release == "more-faces 2"
    assert {"faces", "clip_score"}.isdisjoint(plugins(MEASURES, own=("clip_score",)))
    with pytest.raises(UsageError, match="has the name of one that is part of synthgen"):
        plugin(MEASURES, "clip_score", own=("clip_score",))


def test_a_distribution_that_is_on_the_path_twice_is_one_and_the_first_counts(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(site, "some-faces", "1", {}, {MEASURES: "faces = some_faces:Faces"})
    (site / "some_faces-1.dist-info").rename(site / "some-faces-1.dist-info")  # as older installers name it
    for version in ("1", "0.9"):
        monkeypatch.syspath_prepend(str(tmp_path / version))
        install(tmp_path / version, "Some.Faces", version, {}, {MEASURES: f"faces = faces_{version[0]}:Faces"})
    found = plugin(MEASURES, "faces")
    assert (found.release, found.value) == ("Some.Faces 0.9", "faces_0:Faces")


def test_a_distribution_that_offers_a_name_twice_is_refused(site: Path) -> None:
    install(site, "some-faces", "1", {}, {MEASURES: "faces = some_faces:Faces\nfaces = some_faces:Other"})
    with pytest.raises(UsageError, match=r"some-faces 1 offers the measure 'faces' twice: .*some_faces:Other"):
        plugin(MEASURES, "faces")


def test_what_an_interrupted_installation_left_is_no_plug_in(site: Path) -> None:
    install(site, "some-faces", "1", {}, {MEASURES: "faces = some_faces:Faces"})
    (site / "some_faces-1.dist-info/METADATA").unlink()
    assert "faces" not in plugins(MEASURES)
