"""One family through the real command line, from a spec to its dataset, beside direct calls of its pipeline."""

import contextlib
import io
import json
import math
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import pyarrow.parquet as pq
import torch
from diffusers import DiffusionPipeline
from PIL import Image
from torch import Tensor

from tests.command import call, command_line
from tests.generating.families import Family
from tests.generating.families.family import pixels

SPEC = """\
synthgen: 1
name: tiny
model: {id: ./model, steps: %d}
judge: {id: "bundled:judge"}
classes: {doctor: 4, chef: 4}
prompts: {templates: ["a {class}", "a {class} at work", "a {class} in a red hat"]}
budget: {attempts_per_image: 1}
output: {shard_size: 8}
"""
BATCHES = (1, 3, 8)
GUIDANCE, OTHER, HAT = 4.0, 2.5, "a hat"
FURTHEST = 3
"""Grey levels of 255 between two images of one candidate: sums of another order are not equal to the last bit."""
COMPARED = 3
"""Images of a run that are drawn again by a direct call; batches are compared among all of them."""
_FEW = {"classes.doctor": 1, "classes.chef": 1}

Facts = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """The dataset that a run has made: its images by prompt and seed, and what the record says of the call."""

    images: Mapping[tuple[str, int], Tensor]
    recorded: Mapping[str, str]


@dataclass(frozen=True)
class Bench:
    """A folder with a spec and the family's model in it, and the same model as diffusers alone opens it."""

    family: Family
    folder: Path
    by_hand: DiffusionPipeline

    def run(self, name: str, settings: Mapping[str, object]) -> Made:
        """Make a dataset in this process, and read it back.

        Raises:
            AssertionError: the command line ended otherwise than well.
        """
        code, said = said_by("run", "spec.yaml", "-o", name, "--device", "cpu", *_set(settings))
        assert code == 0, f"run {settings}: exit {code}: {said[-2000:]}"
        return read(self.folder / name)

    def refused(self, settings: Mapping[str, object]) -> str:
        """Return what `plan` says of settings that it must refuse.

        Raises:
            AssertionError: it did not.
        """
        code, said = self.planned(settings)
        assert code in (2, 5), f"plan {settings}: exit {code}: {said[-2000:]}"
        line = next(line for line in said.splitlines() if "model." in line)
        return re.sub(r"^(error: )?(--set ('[^']*'|\S+): )?", "", line).strip()

    def planned(self, settings: Mapping[str, object]) -> tuple[int, str]:
        """Return the exit code of `plan`, and what it says."""
        return said_by("plan", "spec.yaml", *_set(settings))

    def apart(
        self,
        made: Made,
        guidance: float,
        negative: str | None = None,
        steps: int | None = None,
        size: tuple[int, int] | None = None,
    ) -> int:
        """Return the most grey levels between images of a dataset and those of direct calls, each drawn alone."""
        size = size or self.family.size
        found = []
        for (prompt, seed), image in list(made.images.items())[:COMPARED]:
            against = None if negative is None else [negative]
            (by_hand,) = self.family.direct(
                self.by_hand, [prompt], against, [seed], guidance=guidance, steps=steps or self.family.steps, size=size
            )
            assert image.shape == by_hand.shape == (3, *size), (image.shape, by_hand.shape, size)
            found.append(int((image.int() - by_hand.int()).abs().max()))
        return max(found)


@contextlib.contextmanager
def bench(family: Family, folder: Path) -> Iterator[Bench]:
    """Build a family's folder and write a spec beside it; work there until the block ends."""
    if not (folder / "model").exists():
        family.save(folder / "model")
    (folder / "spec.yaml").write_text(SPEC % family.steps, encoding="utf-8")
    by_hand: DiffusionPipeline = getattr(diffusers, family.class_name).from_pretrained(folder / "model")
    by_hand.set_progress_bar_config(disable=True)
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield Bench(family, folder, by_hand)
    finally:
        os.chdir(before)


def said_by(*arguments: str) -> tuple[int, str]:
    """Run a command line in this process; its exit code, and what it printed."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = command_line(list(arguments))
    return code, said.getvalue()


def read(run: Path) -> Made:
    """Read the images of a run's dataset, and its record of the first shard."""
    table = pq.read_table(run / "dataset" / "data").sort_by("id")
    rows = table.select(["prompt", "seed", "image"]).to_pylist()
    images = {(row["prompt"], row["seed"]): pixels([Image.open(io.BytesIO(row["image"]["bytes"]))])[0] for row in rows}
    provenance = json.loads((run / "done" / "00000.json").read_text(encoding="utf-8"))["provenance"]
    return Made(images, provenance)


def drive(family: Family, folder: Path, *, processes: bool = False) -> Facts:
    """Drive a family through the command line, and say how far its images are from those of direct calls.

    Args:
        processes: whether one run has a process of its own, as users have it; `plan` always has.

    Raises:
        AssertionError: a command ended otherwise than it must.
    """
    began = time.monotonic()
    with bench(family, folder) as place, torch.random.fork_rng(devices=[]):
        planned = call("plan", "spec.yaml", *_set(plain_settings(family)), folder=folder)
        assert planned.returncode == 0, planned.stderr
        facts: Facts = {"class": family.class_name, "plan": planned.returncode, "size": _size(family.size)}
        facts |= _batches(place, processes=processes)
        facts["guidance"] = _guidance(place)
        facts["negative"] = _negative(place)
        facts["size and steps"] = _size_and_steps(place)
    facts["seconds"] = round(time.monotonic() - began)
    return facts


def _batches(place: Bench, *, processes: bool) -> Facts:
    """Draw the same candidates at several batch sizes."""
    family = place.family
    guidance = 1.0 if family.guidance == "none" else GUIDANCE
    found: Facts = {}
    first: Made | None = None
    for size in BATCHES:
        settings = {**plain_settings(family), "model.batch_size": size}
        name = f"batch-{size}"
        if processes and size == BATCHES[1]:
            done = call("run", "spec.yaml", "-o", name, *_set(settings), folder=place.folder)
            assert done.returncode == 0, done.stderr
            made = read(place.folder / name)
        else:
            made = place.run(name, settings)
        first = first or made
        assert made.images.keys() == first.images.keys()
        found[str(size)] = {
            "at once": int(made.recorded["generator.batch_size"]),
            "apart": max(int((made.images[key].int() - first.images[key].int()).abs().max()) for key in first.images),
        }
    assert first is not None
    return {"images": len(first.images), "direct": place.apart(first, guidance), "batches": found}


def _guidance(place: Bench) -> Facts:
    """Let guidance act at another strength and not at all, and refuse it where it cannot act."""
    family = place.family
    if family.guidance == "none":
        return {"refused": place.refused({"model.guidance": GUIDANCE})}
    key = _key(family)
    other = place.run("other", {**_sized(family), **_FEW, f"model.{key}": OTHER})
    found: Facts = {"key": key, "direct": place.apart(other, OTHER), "acts": place.apart(other, GUIDANCE)}
    if key == "guidance":
        if family.least_guidance > 1:
            found["1"] = {"refused": place.refused({"model.guidance": 1})}
        else:
            none = place.run("none", {**_sized(family), **_FEW, "model.guidance": 1})
            found["1"] = {"direct": place.apart(none, 1.0)}
    elif family.takes_negative:  # it takes the usual guidance, too
        usual = place.run("usual", {**_sized(family), **_FEW, "model.guidance": OTHER})
        found["usual"] = {"direct": place.apart(usual, OTHER, "")}
    else:
        found["usual"] = {"refused": place.refused({"model.guidance": GUIDANCE})}
    return found


def _negative(place: Bench) -> Facts:
    family = place.family
    settings: dict[str, object] = {**_sized(family), "model.negative_prompt": HAT}
    if not family.takes_negative or family.guidance == "none":
        more = {"model.guidance": GUIDANCE} if family.guidance == "acts" else {}
        return {"refused": place.refused({**settings, **more})}
    made = place.run("negative", {**settings, **_FEW, "model.guidance": GUIDANCE})
    without = None if family.guidance == "acts" else ""
    return {"direct": place.apart(made, GUIDANCE, HAT), "acts": place.apart(made, GUIDANCE, without)}


def _size_and_steps(place: Bench) -> Facts:
    """Draw another size in another number of steps; refuse a size that the family does not draw."""
    family, (high, wide) = place.family, place.family.size
    grain = math.lcm(family.multiple, 8)
    other = {"any": (high, wide + max(grain, 16)), "one-area": (high // 2, wide * 2), "list": (768, 1280)}[family.sizes]
    settings = {**plain_settings(family), **_FEW, "model.steps": family.steps + 1}
    made = place.run("wide", {**settings, "model.width": other[1], "model.height": other[0]})
    guidance = 1.0 if family.guidance == "none" else GUIDANCE
    odd = grain // 2 if grain > 8 else 4
    return {
        "size": _size(other),
        "steps": family.steps + 1,
        "direct": place.apart(made, guidance, steps=family.steps + 1, size=other),
        "refused": place.refused({**plain_settings(family), "model.width": wide + odd, "model.height": high}),
    }


def _key(family: Family) -> str:
    return "embedded_guidance" if family.guidance == "embedded" else "guidance"


def _sized(family: Family) -> dict[str, object]:
    return {"model.width": family.size[1], "model.height": family.size[0]}


def plain_settings(family: Family) -> dict[str, object]:
    """Return the settings with which a family is guided, where it can be, and draws its small size."""
    strength = {} if family.guidance == "none" else {f"model.{_key(family)}": GUIDANCE}
    return {**_sized(family), **strength}


def _size(size: tuple[int, int]) -> str:
    return f"{size[1]} x {size[0]}"


def _set(settings: Mapping[str, object]) -> Sequence[str]:
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
