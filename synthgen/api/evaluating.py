"""Evaluations: sets are opened and looked at here, and handed to `evaluating`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api.arguments import choice_of, device_of, number_of, one_spelling, share_of, text_of
from synthgen.api.auditing import open_recorded
from synthgen.api.evaluation import Evaluation
from synthgen.api.judges import ClipJudges
from synthgen.auditing.input import arguments
from synthgen.errors import UsageError
from synthgen.evaluating.learners import LEARNERS, PROBE, learner_of
from synthgen.events import OnProgress, ignore
from synthgen.spec.model import BUNDLED_JUDGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from synthgen.api.set_looker import SetLooker
    from synthgen.auditing.input.arguments import AnyPath
    from synthgen.auditing.input.judges import JudgeId
    from synthgen.evaluating.looked_set import LookedSet
    from synthgen.sets import ImageSet, SetSource

SEEDS = 5
"""The fewest repetitions, each with other splits and draws: fewer show no spread."""
SMALLEST = 0.01
_NO_CLASS = "without a class"
_SOURCES = ("source_id", "source_image")


@one_spelling
def evaluate(
    real: SetSource,
    synthetic: SetSource,
    *,
    test: SetSource | None = None,
    more_real: SetSource | None = None,
    learner: str = PROBE,
    seeds: int = SEEDS,
    smallest_effect: float = SMALLEST,
    gates: Sequence[str] = (),
    judge: str = BUNDLED_JUDGE,
    label: str | None = None,
    cluster: str | Sequence[str] = (),
    images_from: AnyPath | None = None,
    allow_remote: bool = False,
    cache: AnyPath | None = None,
    device: str = "auto",
    seed: int = 0,
    on_progress: OnProgress = ignore,
) -> Evaluation:
    """Measure whether synthetic images help a learner on real images.

    Small learners are trained on real images with and without synthetic ones, tuned on other real images, and tested on
    real images that nothing else has seen: images of one source are on one side, and synthetic images that are copies
    of real ones are left out.

    Args:
        real: a run, or whatever else `audit` opens: what the learners have without synthetic images.
        synthetic: the same, of synthetic images. Its classes have the names of the real ones.
        test: real images to test on; by default 40 % of the real set, by source.
        more_real: other real images, which are added in the same numbers as synthetic ones, for comparison.
        learner: 'probe', a linear classifier of embeddings, or 'knn', their nearest neighbours.
        seeds: how often everything is repeated with other splits and draws; at least 5.
        smallest_effect: the smallest difference of accuracy that matters. A smaller one neither helps nor harms.
        gates: such as 'accuracy: difference >= 0.01', of accuracy, balanced accuracy or the worst class.
        judge: the model that makes the embeddings, named as in a spec.
        label: the column of classes; detected by default, and in a set without such a column.
        cluster: a column, or several, in which images that depend on each other have the same value.
        images_from: a folder, besides a set's own, that may hold images which the set names by path.
        allow_remote: fetch images that a set names by address.
        cache: the folder of embeddings and hashes; by default in your cache folder.
        seed: of every random draw.

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
    from synthgen.evaluating.contract import divide
    from synthgen.evaluating.experiment import run_arms
    from synthgen.evaluating.findings import findings_of
    from synthgen.evaluating.gates import decide_usefulness_gates, parse_usefulness_gates

    choice_of(learner, "learner", LEARNERS)
    seeds, seed = number_of(seeds, "seeds", SEEDS), arguments.count("seed", seed)
    smallest = share_of(smallest_effect, "smallest_effect")
    asked = parse_usefulness_gates(arguments.texts("gates", gates, "accuracy: difference >= 0.01"))
    sets = {"real": real, "synthetic": synthetic, "test": test, "more_real": more_real}
    sources = {name: arguments.set_source(name, each) for name, each in sets.items() if each is not None}
    opening = _Opening(
        arguments.optional_text("label", label),
        arguments.clusters(cluster, "source"),
        arguments.path("images_from", images_from),
        arguments.flag("allow_remote", allow_remote),
    )
    looker, found_judge = _looker(judge, arguments.path("cache", cache), device_of(device))

    opened = {name: opening.open(name, source) for name, source in sources.items()}
    looked = {name: _look(name, *each, opening.clusters, looker, on_progress) for name, each in opened.items()}
    divided = divide(looked["real"], looked["synthetic"], looked.get("test"), looked.get("more_real"), seed)
    trained = run_arms(divided, learner_of(learner), seeds, seed, on_progress)
    findings = replace(
        findings_of(divided, trained, learner, smallest, seed),
        left_out={each.title: each.left_out for each in looked.values() if each.left_out},
    )
    checks = decide_usefulness_gates(asked, findings)
    provenance, pictures = provenance_of(given, opened, evaluate), pictures_of(findings, opened)
    return Evaluation(findings, checks, found_judge.name, found_judge.revision, seed, provenance, pictures)


@dataclass(frozen=True, slots=True)
class _Opening:
    """How every set of an evaluation is opened."""

    label: str | None
    clusters: tuple[str, ...]
    images_from: Path | None
    allow_remote: bool

    def open(self, name: str, source: SetSource) -> tuple[ImageSet, dict[str, list[str | None]]]:
        """Open a set, and read the columns of its table as texts.

        Raises:
            UsageError, StorageError: there is no such set, or it has no images or no classes.
        """
        from synthgen.auditing.input.audited_set import open_audited
        from synthgen.files import expanded, named_by_itself
        from synthgen.sets import allowing_remote, read_frame

        of_hub = isinstance(source, str | os.PathLike) and not expanded(source).exists()
        with _naming(name), named_by_itself(source if isinstance(source, str | os.PathLike) else "the set"):
            with allowing_remote(self.allow_remote):
                images = open_audited(source, open_recorded, images_from=None if of_hub else self.images_from).images
            if not images.has_images:
                raise UsageError(f"{images.source} has no images to look at", hint="Give a set with images.")
            here = name == "real"  # in the other sets, columns may have other names
            label = self.label if here or self.label in images.columns else None
            there = [column for column in self.clusters if here or column in images.columns]
            frame = read_frame(images, label, clusters=there)
        return images, {str(name): _texts(frame[name]) for name in frame}


def _texts(cells: pd.Series[str]) -> list[str | None]:
    return [None if missing else str(cell) for cell, missing in zip(cells, cells.isna(), strict=True)]


@contextmanager
def _naming(argument: str) -> Iterator[None]:
    """Name the argument of a set that cannot be opened."""
    try:
        yield
    except UsageError as error:
        if error.argument is not None:
            raise
        raise UsageError(error.message, argument=argument, hint=error.hint) from error


def _looker(name: str, cache: Path | None, device: str) -> tuple[SetLooker, JudgeId]:
    """Return what looks at all sets, and its judge.

    Raises:
        UsageError, ModelError: there is no such judge, or it makes no embeddings.
    """
    from synthgen.api.set_looker import looker_of
    from synthgen.auditing.input.judge_names import is_asked

    text_of(name, "judge", "the name of a model")
    if is_asked(name):
        hint = f"Name a CLIP as in a spec, such as {BUNDLED_JUDGE!r}."
        raise UsageError(f"{name} answers questions and makes no embeddings", argument="judge", hint=hint)
    judges = ClipJudges(device, trust=False)
    with _naming("judge"):
        judge = judges.find(name)
    return looker_of(judges, judge, cache or judges.cache), judge


def _look(
    name: str,
    images: ImageSet,
    texts: dict[str, list[str | None]],
    clusters: Sequence[str],
    looker: SetLooker,
    on_progress: OnProgress,
) -> LookedSet:
    """Look at every image of a set.

    Raises:
        UsageError: too many of its images cannot be used.
        ModelError, DeviceError, StorageError: a model, a device or a disk fails.
    """
    from synthgen.evaluating.looked_set import LookedSet
    from synthgen.sets import CLUSTER, SAME_FILE

    title, total = name.replace("_", " "), len(texts["id"])
    keys = looker.look(images, total, on_progress)
    rows, reasons = [], Counter[str]()
    for row, (key, label) in enumerate(zip(keys, texts["label"], strict=True)):
        if not isinstance(key, bytes):
            reasons[key.reason] += 1
        elif label is None:
            reasons[_NO_CLASS] += 1
        else:
            rows.append(row)
    if sum(reasons.values()) > arguments.LEFT_OUT * total:
        (reason, _), *_ = reasons.most_common(1)
        what = f"{images.source}: {sum(reasons.values()):,} of {total:,} images cannot be used, mostly those {reason}"
        raise UsageError(what, argument=name, hint="Mend them, or take them out of the set.")
    if not rows:
        raise UsageError(f"{images.source} has no images", argument=name, hint="Give a set with images.")

    kept = [key for row in rows if isinstance(key := keys[row], bytes)]
    hashes, vectors = looker.found(kept)
    assert vectors is not None, "a judge embeds"
    columns = [*_SOURCES, SAME_FILE, *(f"{CLUSTER}{column}" for column in clusters)]
    return LookedSet(
        title,
        images.source,
        tuple(str(texts["id"][row]) for row in rows),
        tuple(str(texts["label"][row]) for row in rows),
        tuple(kept),
        tuple(hashes),
        vectors,
        {column: [texts[column][row] for row in rows] for column in columns if column in texts},
        dict(reasons),
    )
