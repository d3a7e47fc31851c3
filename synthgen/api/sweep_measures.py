"""What a setting of a sweep came to, with intervals over prompts, and compared with the first setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from synthgen.api.distinct import distinct_in
from synthgen.ledger.columns import EMBEDDING, score
from synthgen.records import Verdict
from synthgen.stats.estimates import Estimate, Floats, wilson_with_effect
from synthgen.stats.several import DistinctPictures, mean_of, scores_of

if TYPE_CHECKING:
    from synthgen.ledger.columns import LedgerRow

_PASSED = (Verdict.ACCEPTED, Verdict.SURPLUS)
SCORES = {"label": "label_posterior", "clip": "clip_score"}
"""Fidelity: how well images show their class, and their prompt."""


@dataclass(frozen=True, slots=True)
class SettingMeasures:
    """What the images of one setting came to.

    Attributes:
        yields: the share that passed the filters, with Wilson's interval, which allows for images of one prompt.
        fidelity: by name, the mean of a score over prompts: the value, and its interval if there are several prompts.
        seconds: per image; the first batch, which warms up, is left out where there are others.
        seconds_accepted: per image that passed, with the interval of the yield; None if none passed.
        differences: by measure, the mean difference from the first setting, prompt by prompt; empty for the first, and
            where the prompts or seeds are others.
    """

    values: Mapping[str, str]
    attempts: int
    passed: int
    failed: int
    yields: Estimate
    fidelity: Mapping[str, tuple[float, Estimate | None]]
    distinct: DistinctPictures | None
    seconds: float
    seconds_accepted: Estimate | None
    differences: Mapping[str, Estimate] = field(default_factory=dict)


def measured(settings: Sequence[tuple[Mapping[str, str], Sequence[LedgerRow]]]) -> tuple[SettingMeasures, ...]:
    """Measure every setting: distinct pictures at the same number of images everywhere."""
    own = [distinct_in(rows) for _, rows in settings]
    size = min((each.of for each in own if each), default=0)
    by_prompt = [_by_prompt(rows, size) for _, rows in settings]
    paired = [_asked(rows) == _asked(settings[0][1]) for _, rows in settings]
    found = []
    for place, (values, rows) in enumerate(settings):
        differences = {} if not place or not paired[place] else _differences(by_prompt[0], by_prompt[place])
        found.append(_measures(values, rows, distinct_in(rows, size or None), by_prompt[place], differences))
    return tuple(found)


def _measures(
    values: Mapping[str, str],
    rows: Sequence[LedgerRow],
    distinct: DistinctPictures | None,
    by_prompt: Mapping[str, Mapping[str, float]],
    differences: Mapping[str, Estimate],
) -> SettingMeasures:
    passed = sum(row["verdict"] in _PASSED for row in rows)
    shares = np.array([*by_prompt["yield"].values()])
    yields = wilson_with_effect(passed, len(rows), _effect(shares, passed, len(rows)), max(len(shares) - 1, 1))
    assert yields is not None, "a setting has attempts"
    seconds = float(np.mean([row["seconds"] for row in rows[rows[0]["batch_size"] :] or rows]))
    fidelity = {}
    for name in SCORES:
        of_prompts = np.array([*by_prompt[name].values()])
        if len(of_prompts):
            fidelity[name] = float(of_prompts.mean()), mean_of(of_prompts, 0 if name == "label" else -1, 1)
    return SettingMeasures(
        values,
        len(rows),
        passed,
        sum(row["verdict"] == Verdict.FAILED for row in rows),
        yields,
        fidelity,
        distinct,
        seconds,
        Estimate(seconds / yields.value, seconds / yields.high, seconds / yields.low) if yields.low > 0 else None,
        differences,
    )


def _effect(shares: Floats, passed: int, attempts: int) -> float:
    """Estimate the design effect of images that share a prompt, at least 1: the variance of the mean over prompts,
    divided by that of as many independent images.
    """
    share = passed / attempts
    if len(shares) < 2 or not 0 < share < 1:
        return 1.0
    return max(1.0, float(shares.var(ddof=1)) / len(shares) / (share * (1 - share) / attempts))


def _by_prompt(rows: Sequence[LedgerRow], size: int) -> dict[str, dict[str, float]]:
    """Return every measure of every prompt: the mean over its images."""
    prompts: dict[str, list[LedgerRow]] = {}
    for row in rows:
        prompts.setdefault(row["prompt"], []).append(row)
    found: dict[str, dict[str, float]] = {
        "yield": {name: float(np.mean([row["verdict"] in _PASSED for row in own])) for name, own in prompts.items()}
    }
    for name, column in SCORES.items():
        scores = {prompt: [row.get(score(column)) for row in own] for prompt, own in prompts.items()}
        numbers = {
            prompt: np.array([each for each in own if isinstance(each, float)], float) for prompt, own in scores.items()
        }
        found[name] = {prompt: float(own.mean()) for prompt, own in numbers.items() if len(own)}
    there = [row for row in rows if row.get(EMBEDDING) is not None]
    if size and there:
        vectors = np.stack([np.asarray(row[EMBEDDING], np.float32) for row in there])
        found["distinct"] = scores_of(vectors, [row["prompt"] for row in there], size)
    return found


def _differences(
    first: Mapping[str, Mapping[str, float]], other: Mapping[str, Mapping[str, float]]
) -> dict[str, Estimate]:
    found = {}
    for name in first.keys() & other.keys():
        shared = [prompt for prompt in first[name] if prompt in other[name]]
        values = np.array([other[name][prompt] - first[name][prompt] for prompt in shared])
        if (mean := mean_of(values, -np.inf, np.inf)) is not None:
            found[name] = mean
    return dict(sorted(found.items()))


def _asked(rows: Sequence[LedgerRow]) -> list[tuple[str, int]]:
    return [(row["prompt"], row["seed"]) for row in rows]
