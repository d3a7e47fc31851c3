"""Files without an end, and specs made to be slow: neither is waited for, and neither fills the memory."""

import os
import random
import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import randoms

import synthgen
from synthgen.bounded import read_bounded, read_object
from synthgen.errors import ModelError, SpecError, StorageError, SynthgenError
from synthgen.redaction import looks_secret, secret_in_address
from synthgen.seal import seal, unseal
from synthgen.spec import parse_spec
from synthgen.spec.phrases import Phrases, TextPart
from synthgen.spec.wordings import words_of
from synthgen.store import FolderStore
from tests.command import command_line
from tests.running.noise import make_run, noise_plan

HEAD = 'synthgen: 1\nname: small\nmodel: {id: "owner/name"}\nclasses: {doctor: 4}\n'
SPEC = f'{HEAD}prompts: {{templates: ["a {{class}}"]}}\nattributes: {{tint: {{values: {{red: [a], blue: [b]}}}}}}\n'


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def large(path: Path) -> None:
    """Nothing but a hole: a terabyte that takes no room."""
    path.touch()
    os.truncate(path, 1 << 40)


BAD: dict[str, Callable[[Path], object]] = {"pipe": os.mkfifo, "device": device, "hole": large, "folder": Path.mkdir}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    make_run(folder, noise_plan("classes={doctor: 2}"))
    synthgen.finalize(folder)
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows = "".join(f"i{n},chef,{('red', 'blue')[n % 2]}\n" for n in range(8))
    (tmp_path / "list.csv").write_text(f"id,label,tint\n{rows}")
    (tmp_path / "attributes.yaml").write_text("attributes: {tint: {values: {red: [a], blue: [b]}}}\n")
    return tmp_path


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_never_ends_is_refused_by_its_name(
    home: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    BAD[kind](home / "bad.csv")
    BAD[kind](home / "bad.json")
    (home / "calibrated.yaml").write_text(f"{SPEC}filters: {{label: {{calibration: bad.json}}}}\n")
    (home / "balanced.yaml").write_text(f"{SPEC}balance: [{{attribute: tint, target: {{from: bad.csv}}}}]\n")
    (home / "extending.yaml").write_text(f"extends: bad.json\n{SPEC}")
    (home / "spec.yaml").write_text(SPEC)
    for line in (
        "validate calibrated.yaml",
        "validate balanced.yaml",
        "validate extending.yaml",
        "validate spec.yaml --set-file metadata=bad.json",
        "audit list.csv --known tint=tint --confusion tint=bad.csv -o out",
        "audit list.csv --attributes attributes.yaml --import-labels bad.csv -o out",
        "audit list.csv --known tint=tint --since bad.json -o out",
    ):
        code = command_line(line.split())
        told = "".join(capsys.readouterr())
        assert (code, "Traceback" in told) == (2, False), (line, told)
        assert "bad." in told, line


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("name", ["plan.json", "results.json", "spec.yaml", "dataset/synthgen.json"])
def test_a_run_whose_file_never_ends_is_damaged(finished: Path, tmp_path: Path, kind: str, name: str) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    (run / name).unlink()
    BAD[kind](run / name)
    if name == "plan.json":
        for command in (synthgen.status, synthgen.verify):
            with pytest.raises(SynthgenError, match=r"plan\.json"):
                command(run)
    else:
        synthgen.status(run)
        is_lost = kind == "folder" and name in ("results.json", "dataset/synthgen.json")
        assert is_lost or name in [one.place for one in synthgen.verify(run)]


def test_what_is_read_is_a_regular_file_of_that_size(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_bounded(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="more than 0 MiB"):
        read_bounded(tmp_path / "file", 4)
    for text in ("[" * 200_000, "[]", "", "\xff"):
        (tmp_path / "file").write_bytes(text.encode("latin-1"))
        with pytest.raises(ValueError, match=r".*"):
            read_object(tmp_path / "file")


@pytest.mark.parametrize("name", ["judge.id=local-dir:/", "model.id=/", "judge.id=local-dir:/etc"])
def test_a_folder_that_is_no_model_is_told_at_once_and_not_read(home: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"is not a (judge|diffusers pipeline)"):
        synthgen.begin(parse_spec(SPEC, overrides=["model.id=bundled:workers", "attributes={}", name]), "run")
    assert not (home / "run").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"window": 0},
        {"window": True},
        {"window": "32"},
        {"window": 1 << 40},
        {"revisions": []},
        {"revisions": {"generator": [], "judge": "x"}},
        {"revisions": {"generator": "x", "judge": "y", "plugins": {"a": 1}}},
        {"promise": {}},
    ],
)
def test_a_plan_with_another_kind_of_value_is_damaged(home: Path, change: dict[str, object]) -> None:
    import json

    store, plan = FolderStore(home / "run"), noise_plan()
    content, _ = unseal(plan.to_json(SPEC))
    store.create("plan.json", seal(json.dumps({**content, **change}, indent=2)).encode())
    with pytest.raises(StorageError, match=rf"plan\.json is damaged.*{next(iter(change))}"):
        synthgen.status("run")


# Specs made to be slow: with the square of these sizes, each would take from minutes to hours.

MANY = 4000


def listing(prefix: str, count: int = MANY) -> str:
    return "[" + ",".join(f'"{prefix}{i}"' for i in range(count)) + "]"


def keys(prefix: str, value: str, count: int = MANY) -> str:
    return "{" + ",".join(f'"{prefix}{i}": {value}' for i in range(count)) + "}"


VARIED = f'{HEAD}prompts:\n  templates: ["a {{class}} {{v}}"]\n  variables: {{v: {listing("z")}}}\n'
WORKERS = HEAD.replace("owner/name", "bundled:workers")
SLOW = {
    "blocked phrases": f"{HEAD}prompts:\n  templates: [{{0}}]\n  variables: {{v: {listing('v')}, w: {listing('w')}}}\n"
    "safety: {block: [a bad thing, v7 x]}\n",
    "unknown variables": f"{HEAD}prompts:\n  templates: ["
    + ",".join(f'"a {{class}} {{x{i}}}"' for i in range(MANY))
    + f"]\n  variables: {keys('v', '[a, b]')}\n",
    "values of a variable": VARIED +
    f"attributes: {{t: {{variable: v, values: {keys('z', '[a]')}}}}}\n",
    "attributes of a variable": VARIED +
    f"attributes: {keys('t', '{variable: v, values: {z1: [a], z2: [b]}}')}\n",
    "templates of classes": WORKERS.replace("{doctor: 4}", keys("c", '{count: 1, templates: ["{v}"]}'))
    + f"prompts: {{variables: {{v: {listing('z')}}}}}\n",
    "unknown shares": f"{SPEC}balance: [{{attribute: tint, target: {keys('q', '0.1')}}}]\n",
    "addresses": f"# {'http://a:' * 100_000}\n{SPEC}",
}  # fmt: skip


@pytest.mark.parametrize("name", SLOW)
def test_the_time_of_a_check_grows_with_the_size_of_the_spec_only(name: str) -> None:
    templates = ",".join(f'"a{i} {{class}} {{v}} {{w}}"' for i in range(500))
    try:
        parse_spec(SLOW[name].replace("{0}", templates))
    except SpecError as error:
        assert len(str(error)) < 20_000_000  # noqa: PT017


@given(rng=randoms())
def test_phrases_are_found_in_the_same_texts_as_by_trying_them_all(rng: random.Random) -> None:

    def text(most: int) -> str:
        return "".join(rng.choice("ab- ") for _ in range(rng.randint(1, most)))

    block = [text(5) for _ in range(3)]
    shared = [text(4) for _ in range(3)]
    parts = [
        rng.choice([TextPart([text(3)]), TextPart(shared, "v"), TextPart([text(4) for _ in range(3)])])
        for _ in range(4)
    ]
    wanted = [f" {words_of(phrase)} " for phrase in block if words_of(phrase)]
    texts = ["".join(chosen) for chosen in product(*(part.alternatives for part in parts))]
    holds = any(phrase in f" {words_of(each)} " for each in texts for phrase in wanted)
    found = Phrases(block).search(parts)
    assert (found is not None) == holds
    if found is not None:
        assert any(each.startswith(found.text.rstrip()) or found.text.startswith(each) for each in texts)


def test_a_phrase_may_begin_in_any_part_and_end_in_any_other() -> None:
    spec = SPEC.replace('"a {class}"', '"{a}{b} {class}-{c}"').replace(
        "]}\nattr", "], variables: {a: [un], b: [sure, safe], c: [x, thing]}}\nattr"
    )
    for phrase, is_blocked in (("unsafe doctor thing", True), ("safe doctor", False), ("Doctor  THING", True)):
        if is_blocked:
            with pytest.raises(SpecError, match=r"can make the prompt '… un(sure|safe) doctor-thing …'"):
                parse_spec(f"{spec}safety: {{block: ['{phrase}']}}\n")
        else:
            parse_spec(f"{spec}safety: {{block: ['{phrase}']}}\n")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028"])
def test_lines_are_counted_as_yaml_counts_them(tmp_path: Path, end: str) -> None:
    address = end.join(["synthgen: 1", "name: x", "# https://ann:hush@host/"])
    with pytest.raises(SpecError) as refused:
        parse_spec(address)
    assert str(refused.value).startswith("spec.yaml:3:11: ")
    (tmp_path / "spec.yaml").write_bytes(end.join(["synthgen: 1", "name: x"]).encode() + end.encode() + b"a: \xff")
    with pytest.raises(SpecError, match=r"spec\.yaml:3:4: the byte 0xff"):
        synthgen.load_spec(tmp_path / "spec.yaml")


def test_variables_that_hold_secrets_are_known_by_their_names() -> None:
    secret = "OPENAI_APIKEY PASSPHRASE PGPASS AUTH COOKIE HF_TOKEN GITHUB_PAT AWS_ACCESS_KEY_ID DB_PASS MYSQL_PWD CREDS"
    assert [name for name in secret.split() if not looks_secret(name)] == []
    plain = "PATH HOME AUTHOR KEYBOARD LANG OMP_NUM_THREADS XAUTHORITY"
    assert [name for name in plain.split() if looks_secret(name)] == []
    assert secret_in_address("see https://ann:hu/sh@host") is not None
