"""Escapes, marks of direction and C1 controls in every free text of a run, a set and a spec, through every command."""

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.cli.streams import Stream, guard
from synthgen.running.failures import write_failure
from synthgen.seal import seal, unseal
from synthgen.store import FolderStore
from tests.command import command_line
from tests.hostile_folders import EVIL, image_folder, picture
from tests.running.noise import make_run, noise_plan

COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def resealed(path: Path, **changes: object) -> None:
    content, _ = unseal(path.read_text())
    path.write_text(seal(json.dumps({**content, **changes}, indent=2)))


def replaced(path: Path, run: Path, key: str, **columns: object) -> None:
    """Put texts into every row of a table of shard 0; its marker fits."""
    rows = [
        {**row, **{name: value for name, value in columns.items() if name in row}}
        for row in pq.read_table(path).to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    described = FolderStore(run).describe(str(path.relative_to(run)))
    file = {"name": described.name, "size": described.size, "sha256": described.sha256}
    resealed(run / "done/00000.json", **{key: file})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    plan = noise_plan("classes={doctor: 3, chef: 2}", "output.shard_size=3")
    for name in ("run", "open"):
        make_run(tmp_path / name, plan)
        write_failure(FolderStore(tmp_path / name), None, ValueError(EVIL))
        for shard in (0, 1):
            write_failure(FolderStore(tmp_path / name), shard, ValueError(EVIL))
    synthgen.finalize("run")
    hostile_run(tmp_path / "run")
    (tmp_path / "open/done/00001.json").unlink()
    (tmp_path / "open/plan.json").write_text((tmp_path / "open/plan.json").read_text().replace('"seed"', f'"{EVIL}"'))
    hostile_sets(tmp_path)
    hostile_specs(tmp_path)
    return tmp_path


def hostile_run(run: Path) -> None:
    marker = run / "done/00000.json"
    content, _ = unseal(marker.read_text())
    resealed(marker, reasons={EVIL: 3}, provenance={**content["provenance"], "device": [EVIL], EVIL: [EVIL]})
    resealed(run / "plan.json", promise=EVIL)
    resealed(run / "results.json", format={"name": EVIL, "release": EVIL})
    (run / "report.html").write_text(EVIL)
    [ledger] = (run / "ledger").glob("00000-*")
    texts = dict.fromkeys(("prompt", "reason", "verdict", "attribute_tint", "class", "failure_message", "id"), EVIL)
    replaced(ledger, run, "ledger", **texts)
    [images] = (run / "shards").glob("00001-*")
    images.write_bytes(EVIL.encode())


def hostile_sets(home: Path) -> None:
    rows = [f'"p{i}{EVIL}","{"xy"[i % 2]}{EVIL}","{"vw"[i % 3 % 2]}{EVIL}"' for i in range(8)]
    (home / "list.csv").write_text("\n".join([f'id,label,"skin{EVIL}"', *rows]) + "\n")
    rows_of = [
        {
            "image": {"bytes": picture(i), "path": f"{EVIL}{i}.png"},
            "label": f"{'ab'[i % 2]}{EVIL}",
            f"c{EVIL}": EVIL,
            "tone": EVIL,
        }
        for i in range(8)
    ]
    (home / "table").mkdir()
    pq.write_table(pa.Table.from_pylist(rows_of), home / f"table/train-{EVIL.replace('/', '')}.parquet")
    image_folder(home / "folder")
    (home / "folder/a").rename(home / f"folder/a{EVIL}")
    (home / "folder/b/broken.png").write_text(EVIL)
    (home / "matrix.csv").write_text(f'truth,"{EVIL}","y"\n"{EVIL}",9,1\n"y",2,8\n')
    (home / "labels.csv").write_text(f'id,"{EVIL}"\n"{EVIL}",x\n')
    (home / "audit.json").write_text(json.dumps({"format": EVIL, "findings": {EVIL: EVIL}}))


def hostile_specs(home: Path) -> None:
    escaped = json.dumps(EVIL)
    start = 'synthgen: 1\nname: x\nmodel: {id: "bundled:workers"}\nclasses: {doctor: 2}\n'
    specs = {
        "key": f'{start}prompts: {{templates: ["a {{class}}"]}}\n{escaped}: 1\n',
        "class": start.replace("doctor", escaped) + 'prompts: {templates: ["a {class}"]}\n',
        "value": start.replace("bundled:workers", EVIL).replace('"', "'") + "prompts: {templates: ['a {class}']}\n",
        "variable": f"{start}prompts: {{templates: [\"a {{class}}\"], variables: {{v: [{escaped}]}}}}\n",
        "raw": f"{start}# {EVIL}\nprompts: {EVIL}\n",
        "metadata": f"{start}prompts: {{templates: [\"a {{class}}\"]}}\nmetadata: {{team: {escaped}}}\n",
        "extends": f"extends: {escaped}\n{start}",
        "file": f"{start}prompts: {{templates: [\"a {{class}}\"]}}\nfilters: {{label: {{calibration: {escaped}}}}}\n",
    }  # fmt: skip
    for name, text in specs.items():
        (home / f"{name}.yaml").write_text(text)
    (home / "calibration.json").write_text(json.dumps({EVIL: EVIL}))
    (home / "attributes.yaml").write_text(f"attributes: {{{escaped}: {{values: {{{escaped}: [x], y: [z]}}}}}}\n")


RUN = [
    "status run", "status open", "verify run", "verify open", "repair open", "finalize run", "finalize open",
    "rejudge run --set filters.label.min_posterior=0.5 -o other", "audit run --known tint=attribute_tint",
    "replay run 00000-000000", f"replay run {EVIL}", f"status {EVIL}", "repair run", "finalize run", "verify run",
]  # fmt: skip
SET = [
    f"audit list.csv --known skin=skin{EVIL} -o out", "audit list.csv -o out",
    f"audit list.csv --known {EVIL}=x -o out",
    f"audit list.csv --label {EVIL} -o out", "audit list.csv --since audit.json -o out",
    f"audit list.csv --known skin=skin{EVIL} --confusion skin=matrix.csv -o out",
    f"audit list.csv --known skin=skin{EVIL} --gate {EVIL} -o out", f"audit table --known tone=tone -o {EVIL}",
    f"audit folder -o out --seed {EVIL}", "audit folder --inspect -o out", f"audit folder --split {EVIL} -o out",
    "audit folder --attributes attributes.yaml -o out", f"audit {EVIL} -o out",
    "audit list.csv --attributes attributes.yaml --import-labels labels.csv -o out",
]  # fmt: skip
SPEC = [
    *(f"validate {name}.yaml" for name in ["key", "class", "value", "variable", "raw", "metadata", "extends", "file"]),
    "plan metadata.yaml", "plan class.yaml", f"plan metadata.yaml --set name={EVIL}", f"validate {EVIL}.yaml",
    f"validate metadata.yaml --var {EVIL}=1", f"validate metadata.yaml --set-file {EVIL}=x.txt", f"{EVIL}",
    f"plan metadata.yaml --set filters.label.calibration=calibration.json --set {EVIL}=1", "validate raw.yaml --json",
]  # fmt: skip


@pytest.mark.parametrize("lines", [RUN, SET, SPEC], ids=["run", "set", "spec"])
def test_nothing_of_somebody_elses_text_commands_the_terminal(
    home: Path, lines: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    kept = sys.stdout, sys.stderr
    raw = [open(number, "w", closefd=False) for number in (1, 2)]  # noqa: SIM115
    sys.stdout, sys.stderr = raw
    guard()
    assert isinstance(sys.stdout, Stream)
    try:
        for line in lines:
            code = command_line(line.split(" "))
            sys.stdout.flush()
            sys.stderr.flush()
            told = "".join(capfd.readouterr())
            assert COMMANDING.findall(told) == [], (line, told)
            assert "Traceback" not in told, (line, told)
            assert code in {0, 2, 3, 4, 5}, (line, told)
            assert told, line
    finally:
        sys.stdout, sys.stderr = kept
