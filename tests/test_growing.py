"""A run that grows twice, by the command line alone: classes, prompts, shard size, budget. With the bundled model."""

import subprocess
import sys
from pathlib import Path

import pytest

import synthgen
from tests.command import call, result, said

SPEC = """\
synthgen: 1
name: grow
model: {id: "bundled:workers", steps: 2, batch_size: 4}
classes: {doctor: 2, chef: 2}
prompts:
  templates: ["a {skin} {class}"]
  variables: {skin: [light, dark]}
filters: {quality: {}}
output: {shard_size: 2, splits: {train: 1}}
"""
ONE = SPEC.replace("chef: 2", "chef: 2, nurse: 2").replace("[light, dark]", "[light, dark, medium]")
TWO = ONE.replace("chef: 2", "chef: 3").replace("size: 2", "size: 4") + "budget: {attempts_per_image: 20}\n"
OTHER = SPEC.replace("chef: 2", "chef: 2, farmer: 1")


def rows(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Class and picture of every image of a dataset, by its id or place."""
    import pyarrow.parquet as pq

    table = pq.ParquetDataset(folder / "R/dataset/data").read(["class", "seed", "image"])
    return {row["seed"]: (row["class"], row["image"]["bytes"]) for row in table.to_pylist()}


def ok(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    done = call(*arguments, folder=folder)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done


@pytest.mark.slow
def test_a_run_grows_twice_and_every_command_works_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {"first": SPEC, "one": ONE, "two": TWO, "other": OTHER}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    synthgen.run("first.yaml", "R", devices="cpu")
    before = rows(tmp_path)
    files = {file: file.read_bytes() for file in (tmp_path / "R").glob("*/0000*.parquet")}

    bad = call("run", "one.yaml", "-o", "R", "--extend", "--set", "model.steps=3", folder=tmp_path)
    assert bad.returncode == 2
    assert "model.steps: 2 -> 3: existing images were made by the old value" in said(bad.stderr)
    shown = result(ok("plan", "one.yaml", "-o", "R", "--extend", "--dry-run", "--json", folder=tmp_path).stdout)
    assert shown["added"]["quotas"] == {"nurse": 2}
    assert shown["added"]["changes"] == ["prompts.variables.skin.medium: (absent) -> 1.0"]
    assert not (tmp_path / "R/additions").exists()

    grown = result(ok("run", "one.yaml", "-o", "R", "--extend", "--json", folder=tmp_path).stdout)
    assert (grown["images"], list(grown["classes"])) == (6, ["doctor", "chef", "nurse"])
    assert grown["passed"] == grown["accepted"] + grown["surplus"]

    # Three processes at once, with two specs: one spec is taken, and the other is refused. Nobody makes the shards.
    racing = [
        subprocess.Popen(
            [sys.executable, "-m", "synthgen", "plan", f"{name}.yaml", "-o", "R", "--extend", "--json"],
            cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        )
        for name in ("two", "two", "other")
    ]  # fmt: skip
    codes = [(one.communicate(timeout=240), one.returncode)[1] for one in racing]
    assert codes == [0, 0, 2]
    assert sorted(file.name for file in (tmp_path / "R/additions").iterdir()) == ["00001.json", "00002.json"]

    finished = synthgen.run("R", devices="cpu")
    after = rows(tmp_path)
    assert finished.summary.rows == 7
    assert before.items() <= after.items(), "old images keep their seeds and their bytes"
    assert {file: file.read_bytes() for file in files} == files
    assert [name for name, _ in after.values()].count("chef") == 3
    assert "budget: {attempts_per_image: 20}" in (tmp_path / "R/dataset/README.md").read_text()
    assert "attempts_per_image: 20" in (tmp_path / "R/spec.resolved.yaml").read_text()

    assert synthgen.verify("R") == []
    assert synthgen.run("two.yaml", "R", devices="cpu").fresh == 0
    old = synthgen.replay("R", "00000-000000", "cpu")
    assert all(abs(then - now) < 1e-5 for then, now in old.scores.values()), "asked as it was asked then"
    synthgen.rejudge("R", ["filters.quality.min_contrast=0.021"], "S")
    assert synthgen.verify("S") == []

    damaged = next(file for file in files if file.parent.name == "shards")
    damaged.write_bytes(b"damaged")
    assert synthgen.repair("R").reopened
    synthgen.run("R", devices="cpu")
    assert rows(tmp_path) == after, "an old shard is made again by its own spec"
