"""Folders from somebody hostile, through every command: no code runs, nothing of the user's own is read or changed, and
no address is asked."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import synthgen
from tests.command import command_line
from tests.handed_over import ID, TINTS, spec
from tests.hostile_folders import OUTSIDE, SETS, image_folder, users_files
from tests.hostile_models import ASKED, GENERATORS, JUDGES, painter
from tests.hostile_runs import RUNS, handed
from tests.judging.tiny import save_judge
from tests.judging.tiny_asked import save_blip, save_owlvit

_CALLS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "subprocess.Popen", "os.system", "os.exec")


class Watch:
    """Hears what this process does, as Python itself tells it (PEP 578), while a folder is watched.

    Attributes:
        heard: code of the folder that ran, addresses and programs, and files of the user's own that were opened.
    """

    def __init__(self) -> None:
        self.home: Path | None = None
        self.heard: list[str] = []

    def __call__(self, event: str, given: tuple[object, ...]) -> None:
        if self.home is None:
            return
        if event in _CALLS and not (event.startswith("socket") and isinstance(given[-1], str | bytes)):
            self.heard.append(f"{event} {given!r:.200}")
        elif event == "open" and isinstance(given[0], str) and self._is_below(given[0], OUTSIDE):
            self.heard.append(f"open {given[0]}")
        elif event == "exec" and self._is_below(getattr(given[0], "co_filename", ""), ""):
            self.heard.append(f"exec {given[0]}")

    def _is_below(self, path: str, name: str) -> bool:
        assert self.home is not None
        # Code that has no file is called by its kind, such as "<string>".
        return not path.startswith("<") and os.path.abspath(path).startswith(str(self.home / name))


_WATCH = Watch()
_IS_HEARD: list[bool] = []


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with files of the user's own beside what is handed over; watched, and looked through in the end."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TRUST_REMOTE_CODE", "1")
    monkeypatch.setenv("USE_HUB_KERNELS", "1")
    monkeypatch.chdir(tmp_path)
    users_files(tmp_path)
    (tmp_path / "attributes.yaml").write_text(TINTS)
    if not _IS_HEARD:
        sys.addaudithook(_WATCH)
        _IS_HEARD.append(True)
    yield tmp_path
    _WATCH.home = None
    assert _WATCH.heard == []
    assert not (tmp_path / "PWNED").exists()
    assert not (tmp_path.parent / "escaped.png").exists()


def driven(home: Path, *lines: str) -> dict[str, int]:
    """Give these lines to the program, and return their exit codes."""
    own = contents(home / OUTSIDE)
    _WATCH.home, _WATCH.heard = home, []
    try:
        codes = {line: command_line(line.split()) for line in lines}
    finally:
        _WATCH.home = None
    assert contents(home / OUTSIDE) == own
    return codes


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def marked(cases: object, light: tuple[str, ...]) -> list[object]:
    """All cases; those that are not among `light` are slow."""
    return [pytest.param(name, marks=() if name in light else pytest.mark.slow) for name in cases]  # type: ignore[attr-defined]


LIGHT_SETS = ("parquet, a file outside", "a list, an address", "metadata, a pipe", "saved, a hostile type", "a tar")
LIGHT_RUNS = ("report.html is a link", "pictures by path")


@pytest.mark.parametrize("name", marked(SETS, LIGHT_SETS))
def test_a_set(home: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    SETS[name](home / "set")
    place = next((str(path) for path in (home / "set").glob("*.*") if path.suffix in (".csv", ".tar", ".zip")), "set")
    known = "--known tone=tone " if "links" not in name and "scripts" not in name and "zip" not in name else ""
    codes = driven(
        home,
        f"audit {place} {known}--allow-left-out 0.5 -o out",
        f"audit {place} --inspect -o looked",
        f"audit {place} {known}--since out --allow-left-out 0.5 -o out",
    )
    told = "".join(capsys.readouterr())
    assert set(codes.values()) <= {0, 2, 4, 5}, told
    assert "Traceback" not in told


@pytest.mark.parametrize("name", marked(RUNS, LIGHT_RUNS))
def test_a_run(home: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = handed(home)
    RUNS[name](run)
    codes = driven(
        home,
        "status run",
        "verify run",
        "audit run --known tint=attribute_tint",
        "rejudge run --set filters.label.min_posterior=0.2 -o stricter",
        "work run --index 0 --of 1 --device cpu",
        f"replay run {ID} --device cpu",
        "finalize run",
        "repair run",
        "finalize run",
        "verify run --json",
    )
    told = "".join(capsys.readouterr())
    assert set(codes.values()) <= {0, 2, 3, 5}, told
    assert "Traceback" not in told


@pytest.mark.parametrize("name", marked(GENERATORS, ("a pipe",)))
def test_a_generator(home: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = painter(home)
    (home / "spec.yaml").write_text(synthgen_spec("./painter", "bundled:judge"))
    plan = None if "index that" in name else synthgen.plan("spec.yaml")
    GENERATORS[name](folder)
    lines = ["validate spec.yaml", "plan spec.yaml", "preview spec.yaml -n 1", "run spec.yaml -o mine --devices cpu"]
    if plan is not None:
        lines += ["work run --index 0 --of 1 --device cpu", "work run --index 0 --of 1 --device cpu --trust"]
        from tests.handed_over import planned

        planned(home / "run", plan)
    codes = driven(home, *lines)
    told = "".join(capsys.readouterr())
    assert set(codes.values()) <= {0, 2, 5}, told
    if "with code" not in name:  # a tokenizer of a known kind is opened as that, whatever it says of code
        assert all(codes[line] for line in lines[2:])
    assert "Traceback" not in told


@pytest.mark.parametrize("name", marked(JUDGES, ("a configuration that is a pipe",)))
def test_a_judge(home: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    save_judge(home / "judge")
    (home / "spec.yaml").write_text(synthgen_spec("bundled:workers", "local-dir:./judge"))
    run = handed(home, synthgen.plan(spec("judge.id=local-dir:./judge")))
    image_folder(home / "set")
    JUDGES[name](home / "judge")
    codes = driven(
        home,
        "preview spec.yaml -n 1",
        "calibrate spec.yaml -o pilot -n 1 --devices cpu",
        "audit set --attributes attributes.yaml --judge local-dir:./judge -o out",
        f"audit {run.name} --attributes attributes.yaml",
        f"replay {run.name} {ID} --device cpu --trust",
        f"audit {run.name} --export-labels 2 --attributes attributes.yaml -o labels --trust",
    )
    told = "".join(capsys.readouterr())
    assert set(codes.values()) <= {2, 5}, told
    assert "Traceback" not in told


@pytest.mark.parametrize("kind", ["vqa", "detector"])
@pytest.mark.parametrize("name", marked(ASKED, ("a processor with code",)))
def test_a_judge_that_is_asked(home: Path, name: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    save: Callable[[Path], Path] = save_blip if kind == "vqa" else save_owlvit
    save(home / "eyes")
    image_folder(home / "set")
    ASKED[name](home / "eyes")
    codes = driven(home, f"audit set --attributes attributes.yaml --judge {kind}:./eyes -o out --device cpu")
    told = "".join(capsys.readouterr())
    assert set(codes.values()) <= ({0, 2, 5} if "chat" in name else {2, 5}), told
    assert "Traceback" not in told


def synthgen_spec(model: str, judge: str) -> str:
    return (
        f'synthgen: 1\nname: small\nmodel: {{id: "{model}", steps: 1}}\njudge: {{id: "{judge}"}}\n'
        'classes: {doctor: 1}\nprompts: {templates: ["a {class}"]}\nfilters: {}\n'
    )
