"""Several tasks and one run: who makes what, by which variables, and what the examples in the docs say."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from synthgen.cli.scheduler import index_and_count
from synthgen.errors import UsageError
from tests.command import call, said

PAGE = (Path(__file__).parents[1] / "docs" / "clusters.md").read_text("utf-8")
SLURM = {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_COUNT": "4"}


def example(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        ((1, 3), {}, (1, 3)),
        ((None, None), SLURM, (2, 4)),
        ((None, None), {**SLURM, "SLURM_ARRAY_TASK_ID": "9", "SLURM_ARRAY_TASK_STEP": "2"}, (2, 4)),
        ((None, 9), SLURM, (2, 9)),
        ((0, 1), SLURM, (0, 1)),
        ((None, 8), {"JOB_COMPLETION_INDEX": "3"}, (3, 8)),
        ((None, None), {"RANK": "2", "WORLD_SIZE": "4"}, (2, 4)),
    ],
)
def test_a_task_knows_its_part(
    given: tuple[int | None, int | None], environment: dict[str, str], expected: tuple[int, int]
) -> None:
    assert index_and_count(*given, environment) == expected


@pytest.mark.parametrize(
    ("given", "environment", "message"),
    [
        ((None, None), {}, "missing --index and --of"),
        ((None, None), {"JOB_COMPLETION_INDEX": "3"}, "missing --of"),
        ((2, None), {}, "missing --of"),
        ((None, None), {**SLURM, "SLURM_ARRAY_TASK_ID": "9"}, "the SLURM array has gaps"),
        ((None, None), {**SLURM, "SLURM_ARRAY_TASK_STEP": "3"}, "the SLURM array has gaps"),
        ((None, None), {**SLURM, "SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_MAX": "9"}, "the SLURM array has gaps"),
        ((None, None), {"RANK": "two", "WORLD_SIZE": "4"}, "RANK: expected a whole number, found 'two'"),
    ],
)
def test_a_task_that_does_not_know_says_what_is_missing(
    given: tuple[int | None, int | None], environment: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        index_and_count(*given, environment)


def test_the_examples_can_be_read() -> None:
    job = yaml.safe_load(example("yaml"))["spec"]
    (container,) = job["template"]["spec"]["containers"]
    assert container["command"][-1] == str(job["completions"])
    rules = [rule["onExitCodes"] for rule in job["podFailurePolicy"]["rules"] if "onExitCodes" in rule]
    assert {rule["containerName"] for rule in rules} == {container["name"]}
    ast.parse(example("python"))
    subprocess.run(["bash", "-n"], input=example("bash"), text=True, check=True)


@pytest.mark.slow
def test_tasks_with_different_ideas_of_their_number_make_one_run(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        'synthgen: 1\nname: shared\nmodel: {id: "bundled:workers", steps: 4}\nclasses: {chef: 6, nurse: 6}\n'
        'prompts: {templates: ["a {class}"]}\noutput: {shard_size: 3}\n'
    )

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "synthgen", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)

    assert call("plan", "spec.yaml", "-o", "run").returncode == 0
    early = call("finalize", "run")
    assert (early.returncode, "4 of 4 shards are not committed" in early.stderr) == (2, True)
    command, alone = [sys.executable, "-m", "synthgen", "work", "run"], {**os.environ, "OMP_NUM_THREADS": "1"}
    racing = [
        subprocess.Popen([*command, "--index", index, "--of", of], cwd=tmp_path, env=alone)
        for index, of in (("0", "2"), ("1", "3"), ("0", "1"))
    ]
    assert [process.wait(timeout=240) for process in racing] == [0, 0, 0]
    done = call("finalize", "run")
    assert done.returncode == 0, done.stderr
    assert ": 12 kept" in done.stdout
    assert call("verify", "run").stdout.endswith("run: no problems found\n")

    shard = next((tmp_path / "run/shards").glob("00002-*"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    mended = call("repair", "run")
    assert "discarded shards 2: run again" in mended.stdout
    assert not shard.exists()
    assert call("work", "run", "--index", "0", "--of", "1").stdout.startswith(
        "task 0 of 1: 1 shard made, 3 already done"
    )
    assert call("finalize", "run").returncode == 0


def test_a_missing_ray_is_told_with_what_installs_it(tmp_path: Path) -> None:
    (tmp_path / "ray.py").write_text("raise ModuleNotFoundError(\"No module named 'ray'\", name='ray')\n")
    (tmp_path / "spec.yaml").write_text(
        'synthgen: 1\nname: shared\nmodel: {id: "bundled:workers", steps: 4}\nclasses: {chef: 6}\n'
        'prompts: {templates: ["a {class}"]}\n'
    )
    done = call("run", "spec.yaml", "--executor", "ray", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    message, hint = said(done.stderr).strip().splitlines()
    assert message == "--executor: Ray is not installed here"
    assert hint == "Install it: pip install 'synthgen[ray]', or in a checkout uv sync --extra ray."
    lonely = call("run", "spec.yaml", "--address", "127.0.0.1:6379", folder=tmp_path)
    assert (lonely.returncode, "Add --executor ray." in lonely.stderr) == (2, True)
