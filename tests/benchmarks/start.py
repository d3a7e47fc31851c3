"""How soon `synthgen run` takes its first denoising step, against the bare imports that it needs.

    python -m tests.benchmarks.start [--repeats 5]

Three ways take turns, each in a process of its own; medians are compared.

- `imports`: torch, open_clip and the pipeline's class of diffusers.
- `loop`: the same, and a pipeline and a CLIP model loaded as their manuals say, until the first step is done.
- `synthgen`: `synthgen run specs/quickstart.yaml` until the first step is done: the spec is read, the plan is made,
  models are loaded and fitted, prompts are encoded.

The clock starts before the process. Python files are compiled before the first turn, and files are in the system's
memory; the first start after a boot takes longer.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

ROOT = Path(__file__).parents[2]
WAYS = ("imports", "loop", "synthgen")
_IMPORTS = "import torch, open_clip\nfrom diffusers import StableDiffusionPipeline\n"
_TELL = "import os, sys, time\ndef tell(*_):\n    print(time.time(), flush=True)\n    os._exit(0)\n"
_LOOP = """
from synthgen import bundled
open_clip.create_model_and_transforms(f"local-dir:{bundled.JUDGE}")
pipeline = StableDiffusionPipeline.from_pretrained(bundled.GENERATOR, dtype=torch.float32)
pipeline.unet.register_forward_hook(tell)
pipeline(["a portrait of a nurse"] * 32, num_inference_steps=20, guidance_scale=3.0)
"""
_SYNTHGEN = """
import threading
def watch():
    name = "diffusers.models.unets.unet_2d_condition"
    while not hasattr(sys.modules.get(name), "UNet2DConditionModel"):
        time.sleep(0.002)
    model = sys.modules[name].UNet2DConditionModel
    forward = model.forward
    def told(*args, **more):
        forward(*args, **more)
        tell()
    model.forward = told
threading.Thread(target=watch, daemon=True).start()
sys.argv[0] = "synthgen"
from synthgen.__main__ import main
main()
"""
_PROGRAMS = {"imports": _TELL + _IMPORTS + "tell()", "loop": _TELL + _IMPORTS + _LOOP, "synthgen": _TELL + _SYNTHGEN}


def measure(way: str, folder: Path) -> float:
    """Seconds from before the process starts until it tells."""
    arguments = ["run", "specs/quickstart.yaml", "-o", str(folder), "--devices", "cpu"] if way == "synthgen" else []
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1"}
    began = time.time()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAMS[way], *arguments],
        cwd=ROOT,
        env=quiet,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return float(done.stdout.splitlines()[-1]) - began


def main(repeats: Annotated[int, typer.Option(min=1)] = 5) -> None:
    """Measure, and print the medians."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="synthgen-start-") as name:
        for turn in range(-1, repeats):
            for way in WAYS:
                seconds = measure(way, Path(name) / f"{turn}")
                if turn >= 0:
                    found[way].append(seconds)
    bare = median(found["imports"])
    print("| way | seconds until the first step, median | range | against bare imports |")
    print("| --- | ---: | ---: | ---: |")
    for way, all_of_it in found.items():
        middle = median(all_of_it)
        print(f"| {way} | {middle:.2f} | {min(all_of_it):.2f} to {max(all_of_it):.2f} | {middle / bare:.2f} |")


if __name__ == "__main__":
    typer.run(main)
