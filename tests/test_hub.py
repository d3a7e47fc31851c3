"""Models from a hub or a folder: pinned by the plan; those from a hub are downloaded once, and then no more needed."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import synthgen
from synthgen.errors import ModelError
from synthgen.spec import parse_spec
from tests.generating.tiny import save_stable_diffusion
from tests.hub import COMMIT, serve
from tests.judging.tiny import save_judge

SPEC = """\
synthgen: 1
name: hub
model: {id: owner/painter, steps: 1, guidance: 1}
judge: {id: "hf-hub:owner/judge"}
classes: {chef: 6, doctor: 6}
prompts: {templates: ["a {class}"]}
output: {shard_size: 4}
"""


def call(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "synthgen", *arguments]
    settings = {"HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_XET": "1", **environment}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=240, check=False, env={**os.environ, **settings}
    )


@pytest.mark.slow
def test_two_workers_share_one_download_and_then_need_no_hub(tmp_path: Path) -> None:
    save_stable_diffusion(tmp_path / "models/painter")
    save_judge(tmp_path / "models/judge")
    (tmp_path / "spec.yaml").write_text(SPEC)
    with serve(tmp_path / "models") as hub:
        run = ("run", "spec.yaml", "--devices", "cpu:2")
        done = call(tmp_path, *run, HF_HUB_OFFLINE="0", HF_ENDPOINT=hub.url)
        assert done.returncode == 0, done.stderr
        weights = {name: times for name, times in hub.downloads.items() if name.endswith(".safetensors")}
        assert weights, "something was downloaded"
        assert set(weights.values()) == {1}
    plan = json.loads((tmp_path / "outputs/hub/plan.json").read_text())
    assert plan["revisions"] == {"generator": COMMIT, "judge": COMMIT}
    again = call(tmp_path, "run", "spec.yaml", "-o", "again", HF_HUB_OFFLINE="1")
    assert again.returncode == 0, again.stderr
    assert ": 12 kept" in again.stdout


@pytest.mark.sweep
def test_tasks_that_start_at_once_share_one_download_from_a_hub_that_is_crowded(tmp_path: Path) -> None:
    save_stable_diffusion(tmp_path / "models/painter")
    save_judge(tmp_path / "models/judge")
    (tmp_path / "spec.yaml").write_text(SPEC)
    with serve(tmp_path / "models", crowded=True) as hub:
        environment = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url}
        begun = call(tmp_path, "plan", "spec.yaml", "-o", "run", **environment)
        assert begun.returncode == 0, begun.stderr
        hub.away = True
        ended = call(tmp_path, "work", "run", "--index", "0", "--of", "3", **environment)
        assert ended.returncode == 5, ended.stderr
        hub.away = False

        def task(index: int) -> subprocess.CompletedProcess[str]:
            return call(tmp_path, "work", "run", "--index", str(index), "--of", "3", **environment)

        with ThreadPoolExecutor(3) as tasks:
            done = list(tasks.map(task, range(3)))
        assert [one.returncode for one in done] == [0, 0, 0], [one.stderr for one in done]
        weights = {name: times for name, times in hub.downloads.items() if name.endswith(".safetensors")}
        assert set(weights.values()) == {1}
        assert hub.refused > len(weights)


def test_a_model_that_changed_since_the_plan_is_refused(tmp_path: Path) -> None:
    painter = tmp_path / "painter"
    save_stable_diffusion(painter)
    save_judge(tmp_path / "judge")
    spec = parse_spec(SPEC, overrides=[f"model.id={painter}", f"judge.id=local-dir:{tmp_path / 'judge'}"])
    synthgen.begin(spec, tmp_path / "run")
    scheduler = painter / "scheduler/scheduler_config.json"
    scheduler.write_text(scheduler.read_text() + " ")
    with pytest.raises(ModelError, match="not the one that the run was planned with"):
        synthgen.work(tmp_path / "run", device="cpu")
    assert synthgen.status(tmp_path / "run")[1].done == {}
