"""Evaluations with everything that a page may show, made without an image: classes are clouds of points."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from io import BytesIO

import numpy as np
from PIL import Image

from synthgen.evaluating.contract import divide
from synthgen.evaluating.experiment import run_arms
from synthgen.evaluating.findings import UsefulnessFindings, findings_of
from synthgen.evaluating.gates import decide_usefulness_gates, parse_usefulness_gates
from synthgen.evaluating.learners import learner_of
from synthgen.evaluating.looked_set import LookedSet
from synthgen.evaluating.provenance import EvaluationProvenance
from synthgen.evaluating.report import SYNTHETIC, TEST, EvaluationReport
from synthgen.events import ignore


def cloud(title: str, classes: Sequence[str], each: int, seed: int, noise: float = 2.0) -> LookedSet:
    """A set with so many images of each class around a point of the class."""
    centres = np.random.default_rng(9).normal(size=(len(classes), 24))
    rng, codes = np.random.default_rng(seed), np.repeat(np.arange(len(classes)), each)
    vectors = (centres[codes] + rng.normal(size=(len(codes), 24)) * noise).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    keys = tuple(sha256(f"{seed} {row}".encode()).digest() for row in range(len(codes)))
    ids = tuple(f"{title} {classes[code]} {row}" for row, code in enumerate(codes.tolist()))
    return LookedSet(title, title, ids, tuple(classes[code] for code in codes.tolist()), keys, keys, vectors)


def copied(images: LookedSet, other: LookedSet, rows: Sequence[int]) -> LookedSet:
    """The images of a set, and copies of some of another one."""
    more = other.take(np.array(rows))
    return replace(
        images,
        ids=(*images.ids, *(f"copy of {name}" for name in more.ids)),
        labels=images.labels + more.labels,
        keys=images.keys + more.keys,
        hashes=images.hashes + more.hashes,
        vectors=np.concatenate([images.vectors, more.vectors]),
    )


def evaluated(
    classes: Sequence[str], *, more_real: bool = True, noise: float = 2.0, synthetic: int = 40
) -> UsefulnessFindings:
    """Findings with leaks, hard images, and, with `more_real`, the rival and what was before the filters."""
    test = cloud("test", classes, 30, 1, noise)
    made = copied(cloud("synthetic", classes, synthetic, 2, noise), test, range(8))
    more = cloud("more real", classes, 60, 3, noise) if more_real else None
    attempts = copied(cloud("unfiltered", classes, 60, 4, 1.5 * noise), test, range(4)) if more_real else None
    divided = divide(cloud("real", classes, 7, 5, noise), made, test, more, 0, attempts)
    return findings_of(divided, run_arms(divided, learner_of("knn"), 5, 0, ignore), "knn", 0.01, 0)


def reported(findings: UsefulnessFindings, *, name: str = "photos", command: str | None = None) -> EvaluationReport:
    """A report of them, with a picture of each image but the first."""
    shade = BytesIO()
    Image.new("RGB", (64, 64), "teal").save(shade, "PNG")
    shown = findings.hardest.images[1:]
    near = [each.nearest.id for each in shown]
    pictures = {(TEST, each.id): shade.getvalue() for each in shown} | {
        (SYNTHETIC, one): shade.getvalue() for one in near
    }
    return EvaluationReport(
        findings,
        decide_usefulness_gates(parse_usefulness_gates(["accuracy: difference >= 0.01"]), findings),
        "bundled:judge",
        "1",
        0,
        EvaluationProvenance("0.1.0", "2026-11-30T12:00:00+00:00", command, {"real": name, "synthetic": name}, None),
        pictures,
    )
