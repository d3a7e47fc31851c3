"""Evaluations: sets are opened and looked at here, and handed to `evaluating`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from synthgen.api.arguments import device_of, number_of, one_spelling, share_of, text_of
from synthgen.api.evaluated_sets import EvaluationSets, evaluation_looker, labels_of, look_at_set
from synthgen.api.evaluation import Evaluation
from synthgen.auditing.input import arguments
from synthgen.auditing.taken import place_sha256
from synthgen.evaluating.learners import PROBE
from synthgen.events import OnProgress, ignore
from synthgen.spec.model import BUNDLED_JUDGE

if TYPE_CHECKING:
    from synthgen.api.evaluation_record import OpenedSets
    from synthgen.api.set_looker import SetLooker
    from synthgen.api.unfiltered import UnfilteredImages
    from synthgen.auditing.input.arguments import AnyPath
    from synthgen.evaluating.contract import Divided
    from synthgen.evaluating.gates import UsefulnessGate
    from synthgen.sets import ImageSet, SetSource

SEEDS = 5
"""The fewest repetitions, each with other splits and draws: fewer show no spread."""
SMALLEST = 0.01


@one_spelling
def evaluate(
    real: SetSource,
    synthetic: SetSource,
    *,
    test: SetSource | None = None,
    more_real: SetSource | None = None,
    learner: str = PROBE,
    image_size: int | None = None,
    steps: int | None = None,
    seeds: int = SEEDS,
    smallest_effect: float = SMALLEST,
    gates: Sequence[str] = (),
    judge: str = BUNDLED_JUDGE,
    label: str | None = None,
    cluster: str | Sequence[str] = (),
    group: str | Sequence[str] = (),
    images_from: AnyPath | None = None,
    allow_remote: bool = False,
    cache: AnyPath | None = None,
    save_learner: AnyPath | None = None,
    device: str = "auto",
    seed: int = 0,
    suggest: AnyPath | None = None,
    on_progress: OnProgress = ignore,
) -> Evaluation:
    """Measure whether synthetic images help a learner on real images.

    Small learners are trained on real images with and without synthetic ones, tuned on other real images, and tested on
    real images that nothing else has seen: images of one source are on one side, and synthetic images that are copies
    of real ones are left out.

    Args:
        real: a run, or whatever else `audit` opens: what the learners have without synthetic images.
        synthetic: the same, of synthetic images. Its classes have the names of the real ones. If it is a run with
            `output.rejects.keep: images`, there are arms of what it made before its filters, too.
        test: real images to test on; by default 40 % of the real set, by source.
        more_real: other real images, which are added in the same numbers as synthetic ones, for comparison.
        learner: 'probe', a linear classifier of embeddings; 'knn', their nearest neighbours; 'timm:resnet18' or another
            network of timm, trained from scratch; 'timm:resnet18:pretrained', the same from its pretrained weights; or
            the name of a plug-in.
        image_size: pixels of the squares that a network or a plug-in sees; by default what the real images have, from
            32 to 128, and what a pretrained network was made for.
        steps: of a network's optimiser, the same for every arm; by default 200.
        seeds: how often everything is repeated with other splits and draws; at least 5.
        smallest_effect: the smallest difference of accuracy that matters. A smaller one neither helps nor harms.
        gates: such as 'accuracy: difference >= 0.01', of accuracy, balanced accuracy, the worst class, the worst
            group, or the filters: of filtered images, compared with unfiltered ones.
        judge: the model that makes the embeddings, named as in a spec.
        label: the column of classes; detected by default, and in a set without such a column.
        cluster: a column, or several, in which images that depend on each other have the same value.
        group: a column of the test, or several: the accuracy of the images with each of its values is measured too.
        images_from: a folder, besides a set's own, that may hold images which the set names by path.
        allow_remote: fetch images that a set names by address, and a network's pretrained weights.
        cache: the folder of embeddings and hashes; by default in your cache folder.
        save_learner: a .safetensors file for the probe of the arm that the verdict is on, which `filters.learner` of a
            spec may then name.
        seed: of every random draw.
        suggest: a .json to which the errors in validation by class and group are written, with the shares that follow:
            a spec names it in `counts` and `balance`, and its images go where the learner errs. It is a new file, or
            an earlier one of its kind. Each `group` is then a column of the real set, too.

    Raises:
        UsageError: an argument is invalid, or the sets do not go together.
        ModelError, DeviceError, StorageError: a model, a device or a disk fails.

    Example:
        >>> real = synthgen.render("outputs/real-workers", 40, even=True)
        >>> made = synthgen.render("outputs/other-workers", 40, even=True, seed=1)
        >>> synthgen.evaluate("outputs/real-workers", "outputs/other-workers", learner="knn").verdict in (
        ...     "helps", "harms", "cannot tell")
        True
    """
    given = {**locals()}  # all of them, for the command that repeats it
    from synthgen.api.evaluation_record import pictures_of, provenance_of
    from synthgen.api.learning import choose_learner, ready_learner
    from synthgen.api.saved_learner import learner_file, save_learner_of
    from synthgen.evaluating.aiming import check_columns, suggestion
    from synthgen.evaluating.experiment import run_arms
    from synthgen.evaluating.findings import findings_of
    from synthgen.evaluating.gates import decide_usefulness_gates, parse_usefulness_gates
    from synthgen.evaluating.places import check_suggested_file
    from synthgen.files import write_file

    text_of(learner, "learner", "the name of a learner")
    side = None if image_size is None else number_of(image_size, "image_size", 8)
    steps = None if steps is None else number_of(steps, "steps", 20)
    seeds, seed = number_of(seeds, "seeds", SEEDS), arguments.count("seed", seed)
    smallest = share_of(smallest_effect, "smallest_effect")
    groups = arguments.texts("group", [group] if isinstance(group, str) else group, "skin_tone")
    asked = parse_usefulness_gates(
        arguments.texts("gates", gates, "accuracy: difference >= 0.01"), grouped=bool(groups)
    )
    aimed = arguments.path("suggest", suggest)
    sets = {"real": real, "synthetic": synthetic, "test": test, "more_real": more_real}
    sources = {name: arguments.set_source(name, each) for name, each in sets.items() if each is not None}
    opening = EvaluationSets(
        arguments.optional_text("label", label),
        arguments.clusters(cluster, "source"),
        arguments.path("images_from", images_from),
        arguments.flag("allow_remote", allow_remote),
        tuple(groups),
        _grouped(test is not None, aimed is not None),
    )
    file = learner_file(save_learner, learner)
    places = tuple(place_sha256(source) for source in sources.values())
    if aimed is not None:
        check_suggested_file(aimed, places)
    chosen = choose_learner(learner, side, steps, allow_remote=opening.allow_remote)
    looker, found_judge = evaluation_looker(judge, arguments.path("cache", cache), device_of(device))

    ready = _divided(synthetic, sources, opening, asked, looker, seed, on_progress)
    opened, divided, attempts = ready.opened, ready.divided, ready.attempts
    if aimed is not None:
        check_columns(divided)
    teacher, divided, facts = ready_learner(chosen, divided, ready.titled, looker, device, on_progress)
    trained = run_arms(divided, teacher, seeds, seed, on_progress)
    findings = replace(
        findings_of(divided, trained, learner, smallest, seed, attempts.why),
        left_out=ready.left_out,
        training=facts,
    )
    save_learner_of(file, divided, findings, found_judge, seed)
    checks, named = decide_usefulness_gates(asked, findings), (found_judge.name, found_judge.revision)
    errors = suggestion(divided, trained, learner, named, seed) if aimed is not None else None
    if aimed is not None and errors is not None:
        write_file(aimed, errors.to_json())
    provenance, pictures = provenance_of(given, opened, evaluate), pictures_of(findings, opened)
    return Evaluation(findings, checks, *named, seed, provenance, pictures, places, errors)


def _grouped(tested: bool, aimed: bool) -> tuple[str, ...]:
    """Name the sets of which groups are read: the one that has the test, and to aim also the real one."""
    return ("real", "test") if tested and aimed else ("test",) if tested else ("real",)


@dataclass(frozen=True, slots=True, eq=False)
class _DividedSets:
    """The sets of an evaluation: opened, looked at and divided.

    Attributes:
        opened: by the name of the argument.
        left_out: by set, how many images cannot be used, by reason.
    """

    opened: OpenedSets
    divided: Divided
    attempts: UnfilteredImages
    left_out: Mapping[str, Mapping[str, int]]

    @property
    def titled(self) -> dict[str, ImageSet]:
        """The opened sets by what evaluations call them."""
        found = {name.replace("_", " "): images for name, (images, _) in self.opened.items()}
        return {"test": found["real"]} | found | self.attempts.opened


def _divided(
    synthetic: SetSource,
    sources: Mapping[str, SetSource],
    opening: EvaluationSets,
    gates: Sequence[UsefulnessGate],
    looker: SetLooker,
    seed: int,
    on_progress: OnProgress,
) -> _DividedSets:
    from synthgen.api.unfiltered import find_unfiltered
    from synthgen.evaluating.contract import check_classes, divide
    from synthgen.evaluating.gates import check_filter_gates
    from synthgen.evaluating.looked_set import UNFILTERED
    from synthgen.evaluating.slices import check_slices

    opened = {name: opening.open(name, source) for name, source in sources.items()}
    real, *others = (labels_of(name, *each) for name, each in opened.items())
    check_classes(real, others)  # before any image is read; again below, without images that cannot be used
    attempts = find_unfiltered(synthetic, opened["synthetic"][1], opened["real"][1])
    check_filter_gates(gates, None if attempts.opened else attempts.why)
    looked = {name: look_at_set(name, *each, opening.clusters, looker, on_progress) for name, each in opened.items()}
    looked |= attempts.look(looker, on_progress)
    test_set, more = looked.get("test"), looked.get("more_real")
    divided = divide(looked["real"], looked["synthetic"], test_set, more, seed, looked.get(UNFILTERED))
    check_filter_gates(gates, None if divided.unfiltered is not None else attempts.why)
    check_slices(divided.test, divided.test_groups)
    left_out = {each.title: each.left_out for each in looked.values() if each.left_out}
    return _DividedSets(opened, divided, attempts, left_out)
