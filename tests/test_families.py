"""Models and devices that want something special, through the real command line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import synthgen
from synthgen.running import create_run
from synthgen.store import open_store
from tests.command import call, result
from tests.generating.families import FAMILIES

SPEC = """\
synthgen: 1
name: tiny
model: {id: ./model, steps: 2, guidance: 2.0, size: 32}
judge: {id: "bundled:judge"}
classes: {doctor: 1, chef: 1}
prompts: {templates: ["a {class}"]}
output: {shard_size: 1}
"""


def write(folder: Path, spec: str = SPEC) -> None:
    (folder / "spec.yaml").write_text(spec)


def pretend(folder: Path, pipeline: str) -> None:
    """A model folder that holds no weights: what is refused must be refused before they are read."""
    (folder / "model").mkdir()
    (folder / "model/model_index.json").write_text(json.dumps({"_class_name": pipeline}))


@pytest.mark.parametrize(
    "save",
    [
        pytest.param(FAMILIES["qwen-image"].save, id="qwen-image", marks=pytest.mark.slow),
        pytest.param(FAMILIES["qwen-image-2.1"].save, id="qwen-image-2.1", marks=pytest.mark.sweep),
        pytest.param(FAMILIES["krea2"].save, id="krea-2", marks=pytest.mark.slow),
        pytest.param(FAMILIES["nucleus"].save, id="nucleus", marks=pytest.mark.sweep),
    ],
)
def test_families_with_decoders_of_videos_make_images(save: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path)
    save(tmp_path / "model")
    done = call("run", "spec.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    tables = [pq.read_table(path) for path in (tmp_path / "outputs/tiny/dataset/data").glob("*.parquet")]
    assert sum(table.num_rows for table in tables) == 2


@pytest.mark.parametrize(
    ("command", "pipeline", "setting", "refused"),
    [
        ("run", "Flux2KleinPipeline", "model.negative_prompt=blurry", "takes no negative prompt"),
        ("run", "HeliosPipeline", "model.steps=30", "does not make images from text: it makes videos"),
        ("preview", "LatentConsistencyModelPipeline", "model.negative_prompt=blurry", "takes no negative prompt"),
    ],
)
def test_a_setting_that_the_model_does_not_take_is_refused_by_name_and_begins_no_run(
    command: str, pipeline: str, setting: str, refused: str, tmp_path: Path
) -> None:
    write(tmp_path, SPEC.replace("guidance: 2.0, ", ""))
    pretend(tmp_path, pipeline)
    done = call(command, "spec.yaml", "--set", setting, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    key = setting.partition("=")[0]
    assert f"{'model.id' if 'videos' in refused else key}: {pipeline} {refused}\n" in done.stderr
    assert not (tmp_path / "outputs").exists()


@pytest.mark.slow
def test_a_task_of_an_array_refuses_such_a_setting_before_any_shard(tmp_path: Path) -> None:
    write(tmp_path, SPEC.replace("size: 32", "size: 32, negative_prompt: blurry"))
    pretend(tmp_path, "Flux2KleinPipeline")
    assert call("plan", "spec.yaml", "-o", "run", folder=tmp_path).returncode == 2
    assert not (tmp_path / "run").exists()
    spec = synthgen.load_spec(tmp_path / "spec.yaml")
    create_run(open_store(tmp_path / "run"), synthgen.plan(spec), SPEC)  # as an earlier version began it
    done = call("work", "run", "--index", "0", "--of", "1", "--trust", folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "model.negative_prompt: Flux2KleinPipeline takes no negative prompt" in done.stderr
    assert not list((tmp_path / "run").glob("failed/*"))


PROGRAM = """
import sys
import torch
from synthgen.cli import main
from synthgen.generating.renderer import Renderer

make = Renderer.render

def render(self, candidates):
    shard = candidates[0].shard
    {trouble}
    return make(self, candidates)

Renderer.render = render
sys.argv = ["synthgen", *sys.argv[1:]]
main()
"""


def in_trouble(folder: Path, trouble: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, with something that happens before each batch of `shard`."""
    command = [sys.executable, "-c", PROGRAM.format(trouble=trouble), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


def write_bundled(folder: Path, spec: str = SPEC) -> None:
    write(folder, spec.replace("./model", "bundled:workers").replace("size: 32", "size: 64"))


def test_a_call_that_fails_ends_the_run_at_once_with_its_cause_on_the_screen(tmp_path: Path) -> None:
    write_bundled(tmp_path)
    done = in_trouble(tmp_path, "self.no_such_thing", "run", "spec.yaml")
    assert done.returncode == 2, done.stderr
    said = json.loads(done.stderr.splitlines()[-1])
    message, hint = said["message"], said["hint"]
    assert "in the first batch failed: AttributeError: 'Renderer' object has no" in message
    assert hint.startswith("Running again fails in the same way, unless the spec, the model or the libraries change.")
    (kept,) = (tmp_path / "outputs/tiny/failed").iterdir()
    assert "Traceback" in json.loads(kept.read_text())["traceback"]
    status = call("status", "outputs/tiny", folder=tmp_path)
    assert "AttributeError: 'Renderer' object" in status.stdout


@pytest.mark.slow
def test_a_task_of_an_array_whose_device_breaks_ends_with_5_and_leaves_its_shard_to_others(tmp_path: Path) -> None:
    write_bundled(tmp_path)
    assert call("plan", "spec.yaml", "-o", "run", folder=tmp_path).returncode == 0
    fault = 'raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered\\nmore")'
    done = in_trouble(tmp_path, fault, "work", "run", "--index", "0", "--of", "1")
    assert done.returncode == 5, done.stderr
    assert "the device broke while making shard 0" in done.stderr
    assert "CUDA error: an illegal memory access was encountered" in done.stderr
    state = result(call("status", "run", "--json", folder=tmp_path).stdout)
    assert (state["failed"], state["pending"]) == ({}, [0, 1])
    assert "CUDA error" in state["ended"]
    assert call("work", "run", "--index", "0", "--of", "1", folder=tmp_path).returncode == 0


@pytest.mark.slow
def test_the_cause_of_every_failed_shard_stands_on_the_screen(tmp_path: Path) -> None:
    write_bundled(tmp_path, SPEC.replace("doctor: 1, chef: 1", "doctor: 3, chef: 2"))
    trouble = "if shard: raise OSError('input.png is gone') if shard == 3 else KeyError('hat')"
    done = in_trouble(tmp_path, trouble, "run", "spec.yaml")
    assert done.returncode == 5, done.stderr
    causes = ["shards 1, 4: KeyError: 'hat'", "shard 3: OSError: input.png is gone"]  # shard 2 has no images to make
    said = json.loads(done.stderr.splitlines()[-1])
    assert said["message"].splitlines() == [f"failed: {cause}" for cause in causes]
    assert said["hint"] == "Run again to retry. Tracebacks: outputs/tiny/failed"
    status = call("status", "outputs/tiny", folder=tmp_path).stdout
    assert all(f"failed    {cause}\n" in status for cause in causes)
