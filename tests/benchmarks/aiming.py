"""Whether aimed images reach the worst group's accuracy of evenly shared ones with half as many.

    python -m tests.benchmarks.aiming [--output DIR] [--repeats 10] [--images 144] [--real 20]

The bundled world: in each repeat, real are `--real` other skewed renders of each class, and the test is 2,000 even
ones, in which a group is an occupation with a skin tone. A quarter of `--images` is made with even shares. With these a
learner is trained; where it errs in validation decides the shares of the next quarter, as `evaluate --suggest` writes
them and `plan` makes quotas of them. Half of `--images`, so aimed, are compared with all of them and with half of them,
evenly shared.

The images of a cell are drawn anew in each repeat, from those that one balanced run of `bundled:workers` accepted. What
a learner is trained on, beside them, is 80 % of the real images; the rest validates. All have the same learning rate:
to choose one on so few validation images changes more than the shares do. Intervals are by Student's t over repeats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from scipy.stats import t

import synthgen
from synthgen.api.evaluated_sets import EvaluationSets, evaluation_looker, look_at_set
from synthgen.api.learning import choose_learner, ready_learner
from synthgen.bundled.world import OCCUPATIONS, SKINS
from synthgen.evaluating.aiming import suggestion
from synthgen.evaluating.arms import Arm, ArmKind, Lesson
from synthgen.evaluating.contract import Divided, divide, split_training
from synthgen.evaluating.experiment import TrainedArm
from synthgen.evaluating.learners import Learner
from synthgen.evaluating.looked_set import LookedSet
from synthgen.evaluating.rows import pool_of
from synthgen.events import StepProgress, ignore
from synthgen.ledger.columns import attribute
from synthgen.spec.model import BUNDLED_JUDGE
from synthgen.stats.estimates import Estimate
from synthgen.stats.paired import Correct
from synthgen.stats.search import Codes
from tests.benchmarks.world_sets import WHO, home, part, renders, shown, spec_of, table, told

SPLITS = 5
SKIN = "skin_tone"
Cell = tuple[str, str]
"""A class and a skin tone."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """The sets of one repeat, and a learner of them.

    Attributes:
        setting: the place of the learner's setting.
        made: the rows of each cell's synthetic images, in an order of this repeat.
        rows: the class of every row.
        splits: rows of real images for training and for validation.
    """

    divided: Divided
    learner: Learner
    setting: int
    made: Mapping[Cell, Codes]
    rows: Codes
    test: Codes
    splits: Sequence[tuple[Codes, Codes]]
    number: int

    def take(self, counts: Mapping[Cell, int], after: Mapping[Cell, int] | None = None) -> Codes:
        """Return the first rows of each cell, after those that were taken before."""
        begin = after or dict.fromkeys(counts, 0)
        return np.concatenate([self.made[cell][begin[cell] : begin[cell] + count] for cell, count in counts.items()])

    def trained(self, added: Codes) -> TrainedArm:
        """Train on real images with these rows, and test."""
        validated, tested = list[Correct](), list[Correct]()
        for split, (train, validation) in enumerate(self.splits):
            fit = self.learner.of_seed(self.divided, train, (self.number, split), lambda _: None)
            rows, targets = np.concatenate([train, added]), np.concatenate([validation, self.test])
            right = fit(Lesson(rows, self.rows[rows]), targets, [self.setting])[0] == self.rows[targets]
            validated.append(right[: len(validation)])
            tested.append(right[len(validation) :])
        real, seen = len(self.divided.real), [validation for _, validation in self.splits]
        wrong = [rows[~right] for rows, right in zip(seen, validated, strict=True)]
        return TrainedArm(
            Arm(ArmKind.MIXED, len(added) / real),
            images=float(len(added)),
            setting=self.learner.settings[self.setting],
            validation=float(np.concatenate(validated).mean()),
            correct=np.stack(tested),
            predicted=np.empty((0, 0), np.int64),
            seen=np.bincount(np.concatenate(seen), minlength=real),
            wrong=np.bincount(np.concatenate(wrong), minlength=real),
        )


def even(total: int) -> dict[Cell, int]:
    """The quotas of even shares."""
    return {(name, skin): total // (len(OCCUPATIONS) * len(SKINS)) for name in OCCUPATIONS for skin in SKINS}


def aimed(errors: Path, total: int) -> dict[Cell, int]:
    """The quotas that a spec plans, which names a file of errors."""
    balance = [{"attribute": SKIN, "target": {"from": str(errors)}}]
    planned = synthgen.plan(spec_of("aimed", total // len(OCCUPATIONS), counts={"from": str(errors)}, balance=balance))
    found = dict.fromkeys(even(total), 0)
    for cell in planned.cells:
        found[cell.class_name, dict(cell.values)[SKIN]] += cell.quota
    return found


def scores(arm: TrainedArm, groups: Sequence[str | None]) -> tuple[float, float]:
    """Return the accuracy, and that of the worst group."""
    right, names = arm.correct.mean(0), np.array(groups, dtype=object)
    return float(right.mean()), min(float(right[names == name].mean()) for name in set(groups))


def over_repeats(values: Sequence[float]) -> Estimate:
    """Return the mean with its interval by Student's t."""
    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1) / len(values) ** 0.5)
    half = float(t.ppf(0.975, len(values) - 1)) * spread
    return Estimate(mean, mean - half, mean + half)


def main(
    output: Annotated[Path | None, typer.Option(help="A folder; what it has is not made again.")] = None,
    repeats: Annotated[int, typer.Option(min=2)] = 10,
    images: Annotated[int, typer.Option(min=72, help="With even shares; a multiple of 72.")] = 144,
    learner: str = "timm:test_resnet",
    steps: int = 60,
    side: int = 16,
    real: Annotated[int, typer.Option(min=5, help="Real images of a class.")] = 20,
    setting: Annotated[int, typer.Option(min=0, help="Which of the learner's settings all have.")] = 0,
) -> None:
    """Measure, and print a table."""
    if images % 72:
        raise typer.BadParameter("a quarter of it is shared out evenly to 18 cells: it must be a multiple of 72")
    folder = home(output, "aiming")
    pool, test = renders(folder / "pool", 400 * repeats, 21), renders(folder / "even", 2000, 22, even=True)
    run = synthgen.run(spec_of("balanced", 200), folder / "balanced", devices="cpu", on_progress=told).folder
    columns = {"real": SKIN, "synthetic": attribute(SKIN), "test": WHO}
    sets = {
        name: EvaluationSets(None, (), None, allow_remote=False, groups=(column,), grouped=(name,))
        for name, column in columns.items()
    }
    network = learner.startswith("timm:")
    chosen = choose_learner(learner, side if network else None, steps if network else None, allow_remote=False)
    looker, judge = evaluation_looker(BUNDLED_JUDGE, None, "cpu")
    opened = {
        "synthetic": sets["synthetic"].open("synthetic", run),
        "test": sets["test"].open("test", part(test, folder / "test")),
    }
    looked: dict[str, LookedSet] = {name: look_at_set(name, *each, (), looker, told) for name, each in opened.items()}

    found: dict[str, list[tuple[float, float]]] = {}
    shares: list[Mapping[Cell, int]] = []
    for number in range(repeats):
        told(StepProgress("repeating", "repeats", number, repeats))
        opened["real"] = sets["real"].open(
            "real", part(pool, folder / f"real-{real}-{number}", after=400 * number, each=real)
        )
        looked["real"] = look_at_set("real", *opened["real"], (), looker, ignore)
        divided = divide(looked["real"], looked["synthetic"], looked["test"], None, number)
        titled = {name: each for name, (each, _) in opened.items()}
        ready, divided, _ = ready_learner(chosen, divided, titled, looker, "cpu", ignore)
        rows, tested = pool_of(divided, 0)
        rng = np.random.default_rng(number)
        order = rng.permutation(len(rows.synthetic))
        cells = list(zip(divided.synthetic.labels, divided.synthetic.attributes[columns["synthetic"]], strict=True))
        made = {cell: rows.synthetic[[at for at in order if cells[at] == cell]] for cell in even(0)}
        splits = [split_training(divided.real, divided.groups, f"{number} {split}") for split in range(SPLITS)]
        one = Repeat(divided, ready, setting, made, rows.classes, tested, splits, number)

        first = one.take(even(images // 4))
        errors = suggestion(divided, [one.trained(first)], learner, (judge.name, judge.revision), number)
        file = folder / f"errors-{number}.json"
        file.write_bytes(errors.to_json())
        quotas = aimed(file, images // 4)
        shares.append(quotas)
        arms = {
            "real alone": np.empty(0, np.int64),
            f"even, {images}": one.take(even(images)),
            f"even, {images // 2}": one.take(even(images // 2)),
            f"aimed, {images // 2}": np.concatenate([first, one.take(quotas, even(images // 4))]),
        }
        for name, added in arms.items():
            found.setdefault(name, []).append(scores(one.trained(added), divided.test.attributes[WHO]))

    last = found[f"aimed, {images // 2}"]
    lines = []
    for name, values in found.items():
        accuracy, worst = zip(*values, strict=True)
        less = [a[1] - b[1] for a, b in zip(last, values, strict=True)]
        difference = "" if values is last else shown(over_repeats(less), signed=True)
        lines.append((name, shown(over_repeats(accuracy)), shown(over_repeats(worst)), difference))
    print(f"{repeats} repeats, {learner}, {real} real images of a class, setting {setting}, {steps} steps\n")
    table(lines, ("shares, images", "accuracy", "worst group", "worst group: aimed has more than it"))
    spread = [max(each.values()) - min(each.values()) for each in shares]
    print(
        f"aimed cells of {images // 4} images: from {np.mean([min(s.values()) for s in shares]):.1f} to "
        f"{np.mean([max(s.values()) for s in shares]):.1f} images, on average {np.mean(spread):.1f} apart"
    )


if __name__ == "__main__":
    typer.run(main)
