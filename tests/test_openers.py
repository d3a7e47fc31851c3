"""What opens a model, a pickle or a dataset with code in it stands in few places, each of which refuses code first."""

import ast
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1] / "synthgen"
OPENERS = {
    "from_pretrained": {"generating/pipelines.py", "judging/asking/vqa.py", "judging/asking/detector.py"},
    "create_model": {"judging/opening.py"},
    "create_model_and_transforms": set(),
    "get_tokenizer": {"judging/opening.py"},
    "snapshot_download": {"judging/opening.py", "judging/asking/folder.py"},
    "hf_hub_download": {"models/source.py"},
    "load_file": {"bundled/reader.py"},
    "load_from_disk": {"sets/saved.py"},
    "load_dataset": {"sets/hub.py"},
    "load_dataset_builder": {"sets/hub.py"},
    "load_lora_weights": set(),
    "literal_eval": set(),
    "eval": set(),
    "exec": set(),
    "Popen": set(),
}


def names_of(file: Path) -> set[str]:
    nodes = ast.walk(ast.parse(file.read_text("utf-8")))
    return {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in nodes
        if isinstance(node, ast.Attribute | ast.Name)
    }


def test_models_are_opened_in_these_places_only() -> None:
    found: dict[str, set[str]] = {name: set() for name in OPENERS}
    for file in sorted(ROOT.rglob("*.py")):
        place = file.relative_to(ROOT).as_posix()
        if place.startswith("bundled/train/"):
            continue
        tree = names_of(file) & OPENERS.keys()
        for name in tree:
            # `model.eval()` and `self.exec` are methods of other things.
            if name in ("eval", "exec") and f" {name}(" not in file.read_text("utf-8"):
                continue
            found[name].add(place)
    assert found == OPENERS


def test_every_torch_load_reads_weights_only() -> None:
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert "weights_only=True" in ast.unparse(node), file


def test_the_environment_does_not_turn_code_of_the_hub_on() -> None:
    code = (
        "import synthgen.models.source\n"
        "from transformers.integrations import hub_kernels\n"
        "import synthgen.generating.pipelines, diffusers.utils.constants as constants\n"
        "print(hub_kernels._TRANSFORMERS_USE_HUB_KERNELS, constants.DIFFUSERS_DISABLE_REMOTE_CODE)"
    )
    hostile = {"USE_HUB_KERNELS": "1", "TRUST_REMOTE_CODE": "1", "DIFFUSERS_DISABLE_REMOTE_CODE": "0"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **hostile}, check=True)
    assert done.stdout.split() == ["NO", "True"]
