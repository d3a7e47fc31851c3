"""Generate, train, see, generate: each round makes images where a learner still errs on real ones.

Usage: `python aim.py REAL 3`, for three rounds

REAL is a set of real images with a column `skin_tone`, such as `synthgen render -n 200 -o REAL` makes. Stop it whenever
you like, and run it again: what is done stays, and the round goes on where it was.
"""

import sys
from pathlib import Path

from datasets import concatenate_datasets, load_dataset

import synthgen

GROUP = "skin_tone"
SPEC = {
    "synthgen": 1,
    "name": "aimed",
    "model": {"id": "bundled:workers", "steps": 10, "guidance": 1.5},
    "classes": dict.fromkeys(["doctor", "nurse", "chef", "builder", "farmer", "police officer"], 9),
    "prompts": {
        "templates": ["a portrait of a {class} with {skin} skin"],
        "variables": {"skin": ["light", "medium", "dark"]},
    },
    "attributes": {
        GROUP: {
            "values": {tone: [f"a person with {tone} skin"] for tone in ("light", "medium", "dark")},
            "variable": "skin",
        }
    },
    "balance": [{"attribute": GROUP, "target": "uniform"}],
    "filters": {"label": {"min_posterior": 0.6}, "quality": {}, "duplicates": {"within": "class"}},
}
FOLDER = Path("outputs/aimed")


def main(real: str, rounds: int) -> None:
    errors = None  # the first round aims at nothing
    for number in range(rounds):
        folder = FOLDER / f"round-{number}"
        run = synthgen.run(spec_of(errors) | {"seed": number}, folder / "run")
        errors = folder / "errors.json"
        if not (folder / "evaluation" / "report.html").exists():  # which is written last
            evaluate(real, number, folder)
        images = f"{run.tally.accepted} of {sum(kind.count for kind in run.spec.classes.values())} images"
        print(f"round {number}: {images}, look at {folder / 'evaluation' / 'report.html'}")


def spec_of(errors: Path | None) -> dict[str, object]:
    """With the file of errors of the round before, the classes and skin tones that it gets wrong have more images."""
    if errors is None:
        return SPEC
    return SPEC | {
        "counts": {"from": str(errors)},
        "balance": [{"attribute": GROUP, "target": {"from": str(errors)}}],
    }


def evaluate(real: str, number: int, folder: Path) -> None:
    """Train on the real images with those of all rounds so far, and write where the learner errs."""
    made = [load_dataset(str(FOLDER / f"round-{one}" / "run" / "dataset")) for one in range(number + 1)]
    synthetic = concatenate_datasets([split for parts in made for split in parts.values()])
    found = synthgen.evaluate(real, synthetic, group=GROUP, suggest=folder / "errors.json")
    found.write(folder / "evaluation")

    difference = found.findings.decisive.difference
    print(f"{found.verdict}: {difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f}) in accuracy")
    for name, measured in sorted(found.suggested.groups[GROUP].items()):
        counted = f"{measured.wrong:.3g} of {measured.independent} wrong in validation"
        print(f"  {name}: {counted}, about {measured.error:.0%}; {measured.share:.0%} of the next images")


if __name__ == "__main__":  # with several devices, worker processes import this file
    main(sys.argv[1], int(sys.argv[2]))
