"""What early rejection saves, and what it loses: compute per accepted image with it and without, and stopped attempts
finished all the same.

    python -m tests.benchmarks.early [--output DIR] [--images 256] [--steps 20,8,4] [--only 0.1]
                                          [--compile openvino]

The bundled model draws doctors and chefs, by prompts that ask for nothing else. Shares of skin tones that accepted
images must have, filled by rejection alone, bring acceptance near 0.6, 0.3 and 0.1. Compute is counted in evaluations
of the denoiser for one image: of an attempt that was stopped, its first steps. It is compared with that of the run
without, which draws other attempts, and with that of the same attempts had all been finished, where chance is no part.

An attempt is lost if it was stopped, its finished image passes every filter, and the cell that this belongs to was not
full yet. The bundled world's reader, which no filter asks, says the same of what an image truly shows. The interval is
of the difference in the share of short hair, which nothing asks for, between what both accepted.
"""

import io
import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow.parquet as pq
import torch
import typer
from PIL import Image

import synthgen
from synthgen import bundled
from synthgen.api import wiring
from synthgen.bundled.reader import load_reader
from synthgen.planning import Plan
from synthgen.records import Assessment, Candidate, Rendered
from synthgen.running import open_run
from synthgen.running.replay import candidate_of
from synthgen.stats.loss import most_lost
from synthgen.store import open_store
from tests.benchmarks.world_sets import told

SHARES: Mapping[str, Mapping[str, float]] = {
    "0.6": {"light": 0.6, "medium": 0.22, "dark": 0.18},
    "0.3": {"light": 0.4, "medium": 0.4, "dark": 0.2},
    "0.1": {"light": 0.15, "medium": 0.15, "dark": 0.7},
}
Rows = list[dict[str, Any]]  # rows of a ledger


def spec_of(
    images: int, steps: int, shares: Mapping[str, float], early: object, compiled: object = "off"
) -> dict[str, object]:
    """Write the spec of one run: one shard."""
    skin = {name: [f"a person with {name} skin"] for name in ("light", "medium", "dark")}
    hair = {name: [f"a person with {name} hair"] for name in ("short", "long")} | {"bald": ["a bald person"]}
    none = ["a blurry picture", "a blank picture", "noise"]
    return {
        "synthgen": 1,
        "name": "early",
        "model": {"id": "bundled:workers", "steps": steps, "guidance": 1.5, "compile": compiled},
        "classes": {"doctor": images // 2, "chef": images - images // 2},
        "prompts": {"templates": ["a portrait of a {class}", "a picture of a {class}"]},
        "attributes": {"skin_tone": {"values": skin}, "hair_length": {"values": hair}},
        "balance": [{"attribute": "skin_tone", "target": dict(shares)}],
        "filters": {"label": {"min_posterior": 0.6, "none_of_these": none}, "quality": {}, "early": early},
        "budget": {"attempts_per_image": 200},
        "output": {"shard_size": images, "rejects": {"keep": "images"}},
    }


def made(spec: dict[str, object], folder: Path) -> tuple[Plan, Rows, float]:
    """Make a run, unless it is there: its plan, its ledger, and its wall time in seconds."""
    result = synthgen.run(spec, folder, on_progress=told)
    (ledger,) = (folder / "ledger").glob("*.parquet")
    return open_run(open_store(folder)), pq.read_table(ledger).to_pylist(), result.seconds


def evaluations(rows: Rows, steps: int) -> float:
    """Count evaluations of the denoiser for one image, per accepted image."""
    spent = sum(row["early_step"] if row["reason"] == "early" else steps for row in rows)
    return float(spent / sum(row["verdict"] == "accepted" for row in rows))


def full_at(plan: Plan, rows: Rows) -> dict[str, float]:
    """Return, by cell, after which attempt it was known to be full."""
    found, at = Counter[str](), dict[str, float]()
    quotas = {cell.name: cell.quota for cell in plan.cells}
    for row in rows:
        if row["verdict"] == "accepted":
            found[row["cell_filled"]] += 1
            if found[row["cell_filled"]] == quotas[row["cell_filled"]]:
                at[row["cell_filled"]] = row["attempt"] + plan.lag
    return {name: at.get(name, math.inf) for name in quotas}


def home(plan: Plan, kind: str, answers: Mapping[str, str]) -> str | None:
    """The cell that an image with these answers belongs to."""
    return next((cell.name for cell in plan.cells if cell.fits(kind, answers)), None)


def finished(plan: Plan, candidates: list[Candidate]) -> tuple[list[Rendered], list[Assessment]]:
    """Render candidates to their end, and judge them."""
    generator, judge = wiring.generator(plan, "cpu"), wiring.judge(plan, "cpu")
    generator.setup()
    judge.setup()
    judge.begin_shard()
    rendered = [
        one
        for begin in range(0, len(candidates), generator.batch_size)
        for one in generator.render(candidates[begin : begin + generator.batch_size])
    ]
    return rendered, judge.assess(rendered)


def pictures(folder: Path, rows: Rows) -> dict[str, torch.Tensor]:
    """Read the kept pictures of finished attempts, uint8 [3, height, width], by id."""
    (file,) = (folder / "shards").glob("*.parquet")
    kept = {row["id"]: row["image"] for row in [*rows, *pq.read_table(file).to_pylist()] if row["image"]}
    opened = {name: np.array(Image.open(io.BytesIO(each["bytes"]))) for name, each in kept.items()}
    return {name: torch.from_numpy(each).permute(2, 0, 1) for name, each in opened.items()}


@torch.inference_mode()
def truth(images: list[torch.Tensor]) -> list[tuple[str, str]]:
    """Read the occupation and the skin tone that images show."""
    reading = load_reader(bundled.READER).read(torch.stack(images))
    return list(zip(reading.values("occupation"), reading.values("skin"), strict=True))


def losses(plan: Plan, rows: Rows, folder: Path) -> dict[str, object]:
    """Finish every stopped attempt, and count what was lost: by the judge and by the reader, in all and by group."""
    full, images = full_at(plan, rows), pictures(folder, rows)
    stopped = [row for row in rows if row["reason"] == "early"]
    judged = {
        row["id"]: (row["reason"] in (None, "attribute"), {"skin_tone": row["attribute_skin_tone"]}) for row in rows
    }
    if stopped:
        rendered, found = finished(plan, [candidate_of(row, plan) for row in stopped])  # type: ignore[arg-type]
        for one, each in zip(rendered, found, strict=True):
            assert one.image is not None, "the bundled model does not fail"
            images[one.candidate.id] = one.image
            judged[one.candidate.id] = each.reason is None, dict(each.attributes)
    shown = dict(zip(images, truth(list(images.values())), strict=True))

    counts: dict[str, Counter[str]] = {"judge": Counter(), "reader": Counter()}
    for row in rows:
        (passed, answers), (who, skin), kind = judged[row["id"]], shown[row["id"]], row["class"]
        by_judge = home(plan, kind, answers) if passed else None
        by_reader = home(plan, kind, {"skin_tone": skin}) if who == kind else None
        for by, cell in (("judge", by_judge), ("reader", by_reader)):
            if cell is not None and row["attempt"] <= full[cell]:
                for group in ("all", kind, answers["skin_tone"] if by == "judge" else skin):
                    counts[by].update([f"{group} good", *[f"{group} lost"] * (row["reason"] == "early")])
    return {
        by: {
            group: [lost := each[f"{group} lost"], good := each[f"{group} good"], round(most_lost(lost, good), 3)]
            for group in dict.fromkeys(name.rsplit(" ", 1)[0] for name in each)
        }
        for by, each in counts.items()
    }


def composition(one: Rows, other: Rows) -> tuple[float, float, float]:
    """Return the difference in the share of short hair among accepted images, with its interval of 95 %."""
    shares, variance = [], 0.0
    for rows in (one, other):
        answers = [row["attribute_hair_length"] == "short" for row in rows if row["verdict"] == "accepted"]
        share = sum(answers) / len(answers)
        shares.append(share)
        variance += share * (1 - share) / len(answers)
    difference, width = shares[0] - shares[1], 1.96 * math.sqrt(variance)
    return round(difference, 3), round(difference - width, 3), round(difference + width, 3)


def compared(name: str, images: int, steps: int, folder: Path, early: object, compiled: object) -> dict[str, object]:
    """Make both runs of one setting, and compare them."""
    shares, place = SHARES[name], f"{name}-{images}-{steps}{'' if compiled == 'off' else f'-{compiled}'}"
    _, without, plain = made(spec_of(images, steps, shares, "off", compiled), folder / f"{place}-off")
    plan, rows, seconds = made(spec_of(images, steps, shares, early, compiled), folder / f"{place}-on")
    accepted = sum(row["verdict"] == "accepted" for row in rows)
    return {
        "acceptance": round(accepted / len(without), 3),
        "attempts": [len(without), len(rows)],
        "stopped": sum(row["reason"] == "early" for row in rows),
        "evaluations": round(evaluations(rows, steps) / evaluations(without, steps), 3),
        "of the same attempts": round(evaluations(rows, steps) * accepted / steps / len(rows), 3),
        "seconds": round(seconds / plain, 3),
        "lost": losses(plan, rows, folder / f"{place}-on") if "early_score" in rows[0] else None,
        "short hair": composition(rows, without),
    }


def main(
    output: Annotated[Path, typer.Option()] = Path("/tmp/early"),
    images: int = 256,
    steps: str = "20",
    only: str = "0.1,0.3,0.6",
    early: str = "auto",
    compiled: Annotated[str, typer.Option("--compile", help="As `model.compile`.")] = "off",
) -> None:
    """Print one line of JSON for each setting."""
    for name in only.split(","):
        for count in map(int, steps.split(",")):
            found = compared(name, images, count, output, early if not early.isdecimal() else int(early), compiled)
            print(json.dumps({"setting": name, "images": images, "steps": count, **found}), flush=True)


if __name__ == "__main__":
    typer.run(main)
