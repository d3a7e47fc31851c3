"""What pictures of a small generator add to few real ones: for `handwriting` and `glyphs`.

Two generators are asked. One is trained on the few real pictures alone. The other is trained on other data first, and
then tuned on the few. `synthgen.evaluate` compares what each draws with the few and with other real pictures.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import torch

import synthgen
from synthgen.api.evaluation import Evaluation
from synthgen.events import Event, StepProgress
from synthgen.stats.estimates import Estimate
from tests.benchmarks.small_generator import Labelled, SmallGenerator, drawn, teach, write_set, write_sheet

TUNING_RATE = 3e-4


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """The pictures of an experiment.

    Attributes:
        few: that generators and learners train on.
        test: that nothing else sees.
        more: of the same kind as the few, which somebody else may have found.
        other: what the second generator was trained on before, and what it is, in words.
    """

    name: str
    few: Labelled
    test: Labelled
    more: Labelled
    other: Labelled
    other_name: str


@dataclass(frozen=True, slots=True)
class Effort:
    """How long generators and learners train.

    Attributes:
        alone, before, tuned: steps of the generator that is trained on the few alone, and of the other one, before it
            sees the few and after.
        drawn: pictures of each class.
        learners: as `synthgen.evaluate` names them.
        steps: of networks among them.
    """

    alone: int = 600
    before: int = 900
    tuned: int = 300
    drawn: int = 40
    seeds: int = 10
    learners: tuple[str, ...] = ("probe",)
    steps: int | None = None


def run(material: Material, effort: Effort, output: Path) -> None:
    """Train both generators, draw, and evaluate; print a table of arms for each generator and learner.

    Pictures, contact sheets and evaluations are written to the output folder.
    """
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    classes = sorted(set(material.few.labels))
    folder = output / material.name
    sets = {name: write_set(folder / name, getattr(material, name)) for name in ("few", "test", "more", "other")}

    alone = SmallGenerator(classes)
    teach(alone, f"{material.name}, the few alone", material.few, effort.alone)
    tuned = SmallGenerator(sorted({*classes, *material.other.labels}))
    teach(tuned, f"{material.name}, {material.other_name}", material.other, effort.before)
    teach(tuned, f"{material.name}, tuned on the few", material.few, effort.tuned, rate=TUNING_RATE)

    rival = "other" if set(material.other.labels) <= set(classes) else "more"
    before = f"trained on {material.other_name}, then tuned on the few"
    for name, model, title, more in (
        ("alone", alone, "trained on the few alone", "more"),
        ("tuned", tuned, before, rival),
    ):
        made = drawn(model, [each for each in classes for _ in range(effort.drawn)])
        write_sheet(folder / f"{name}.png", made)
        synthetic = write_set(folder / f"by-{name}", made)
        for learner in effort.learners:
            evaluation = synthgen.evaluate(
                sets["few"],
                synthetic,
                test=sets["test"],
                more_real=sets[more],
                learner=learner,
                image_size=32 if learner.startswith("timm:") else None,
                steps=effort.steps if learner.startswith("timm:") else None,
                seeds=effort.seeds,
                cluster="kin" if material.few.kin else (),
                device="cpu",
                on_progress=_tell,
            )
            evaluation.write(folder / f"evaluation-{name}-{learner.replace(':', '-')}")
            print(f"\n{material.name}: {len(material.few)} real pictures, a generator {title}, {learner}\n")
            print(table(evaluation, material.other_name if more == "other" else None), flush=True)


def table(evaluation: Evaluation, more: str | None = None) -> str:
    """Return all arms as a Markdown table, with the verdict below it.

    Args:
        more: what the other real pictures are, if they are not of the same kind as the few.
    """
    lines = ["| arm | images | accuracy | less that of real | p (Holm) |", "| --- | ---: | ---: | ---: | ---: |"]
    for each in evaluation.findings.arms:
        name = each.arm.name if more is None else each.arm.name.replace("more real", more)
        accuracy = each.scored.scores.accuracy.value
        adjusted = "" if each.scored.adjusted is None else f"{each.scored.adjusted:.3f}"
        lines.append(f"| {name} | {each.images:.0f} | {accuracy:.3f} | {_shown(each.difference)} | {adjusted} |")
    found = evaluation.findings
    left_out = ", ".join(
        f"{len(check.test) + len(check.train)} of {check.images} {check.title}" for check in found.checks
    )
    verdict = f"Verdict on {found.decided_by}: {evaluation.verdict}, for {found.reason}."
    return "\n".join([*lines, "", f"{verdict} Left out as copies: {left_out}."])


def _shown(difference: Estimate | None) -> str:
    if difference is None:
        return ""
    return f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})"


def _tell(event: Event) -> None:
    if isinstance(event, StepProgress) and (event.done == event.total or event.done % 100 == 0):
        print(f"{event.step} {event.done}/{event.total} {event.unit}", file=sys.stderr)
