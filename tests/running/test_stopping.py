"""What is learned within a shard: few good images of any class or value are lost, and nothing is stopped too soon."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from synthgen.planning import Plan, Revisions, make_plan
from synthgen.records import Assessment, Candidate, EarlyLook, Judged, Reason, Rendered, Verdict
from synthgen.records.begun import Begun
from synthgen.running.shard.stopping import CONTROL, Stopping, in_control
from synthgen.spec import parse_spec
from synthgen.testing import make_candidates

SPEC = """\
synthgen: 1
name: stopping
model: {id: owner/name, steps: 20}
classes: {doctor: 300, chef: 300}
prompts: {templates: ["a {class}"]}
attributes:
  skin: {values: {light: ["light skin"], dark: ["dark skin"]}}
  hair: {values: {short: ["short hair"], long: ["long hair"]}}
balance: [{attribute: skin, target: uniform}]
filters: {label: {}, early: {steps: 3}}
output: {shard_size: 600}
"""
PLAN = make_plan(parse_spec(SPEC), Revisions("generator", "judge"))
NOISE = {"doctor": 0.4, "chef": 0.9}
"""How hard it is to see early what will become of an image."""


def attempt(rng: np.random.Generator, number: int) -> tuple[Begun, Assessment]:
    """Draw an attempt, what is seen of it early, and what a judge says of its image."""
    kind = ("doctor", "chef")[number % 2]
    candidate = replace(make_candidates(1, kind)[0], id=f"00000-{number:06d}", attempt=number)
    passes, dark, short = rng.random(3) < (0.5, 0.25, 0.6)
    seen = np.array([passes, dark, short]) * 2.0 - 1 + rng.normal(size=3) * NOISE[kind]
    clean = np.append(seen, rng.normal(size=12)).astype(np.float16)
    answers = {"skin": "dark" if dark else "light", "hair": "short" if short else "long"}
    return Begun(candidate, clean, None, 0.1, 1), Assessment({}, answers, None if passes else Reason.LABEL)


def judged(begun: Begun, assessment: Assessment, look: EarlyLook) -> tuple[Judged, str | None]:
    there = None if look.stops else assessment
    rendered = Rendered(begun.candidate, None, None, 0.1, 1, early=look)
    home = next(
        (cell.name for cell in PLAN.cells if there and cell.fits(begun.candidate.class_name, there.attributes)), None
    )
    home = home if there and there.reason is None else None
    return Judged(rendered, there, Verdict.REJECTED, None), home


def filled(stopping: Stopping, rng: np.random.Generator, count: int) -> list[tuple[Candidate, Assessment, EarlyLook]]:
    """Make so many attempts as a worker does, with verdicts that are as old as they may be."""
    found, waiting = [], list[tuple[Judged, str | None]]()
    for number in range(count):
        begun, assessment = attempt(rng, number)
        wanted = [cell.name for cell in PLAN.cells if cell.class_name == begun.candidate.class_name]
        if len(waiting) == PLAN.lag:
            stopping.learn(*waiting.pop(0))
        look = stopping.look(begun, wanted)
        waiting.append(judged(begun, assessment, look))
        found.append((begun.candidate, assessment, look))
    return found


def lost(found: list[tuple[Candidate, Assessment, EarlyLook]]) -> dict[str, tuple[int, int]]:
    """Count the good images of each group that would be stopped, and all."""
    counts: Counter[tuple[str, bool]] = Counter()
    for candidate, assessment, look in found:
        if assessment.reason is None and look.score is not None:
            groups = (candidate.class_name, *assessment.attributes.values())
            counts.update((group, look.score < 0) for group in groups)
    return {group: (counts[group, True], counts[group, True] + counts[group, False]) for group, _ in counts}


def early_plan() -> Stopping:
    assert PLAN.early is not None
    return Stopping(PLAN, PLAN.early)


def test_the_share_of_good_images_that_is_lost_stays_below_what_was_asked_for_in_every_group() -> None:
    broken, fits, stopped, bad = 0, 0, 0, 0
    for seed in range(12):
        found = filled(early_plan(), np.random.default_rng(seed), 1100)[500:]
        groups = lost(found)
        assert set(groups) == {"doctor", "chef", "light", "dark", "short", "long"}
        # A bound of 95 % at every fit, with the numbers of a sample: more than 10 % here by chance in some.
        broken += sum(gone / good > 0.1 for gone, good in groups.values())
        fits += len(groups)
        rejected = [look for _, assessment, look in found if assessment.reason is not None]
        stopped, bad = stopped + sum(look.stops for look in rejected), bad + len(rejected)
    assert broken <= 0.1 * fits
    assert stopped > 0.25 * bad


def test_nothing_is_stopped_while_a_value_that_is_wanted_has_too_few_good_images() -> None:
    class Rare(np.random.Generator):
        """Next to no dark skin."""

        def random(self, size: int) -> np.ndarray:  # type: ignore[override]
            return np.where(np.arange(size) == 1, 0.2501 - 1e-3 * (super().random() < 0.05), super().random(size))

    found = filled(early_plan(), Rare(np.random.PCG64(0)), 700)
    dark = sum(one.attributes["skin"] == "dark" and one.reason is None for _, one, _ in found)
    assert 0 < dark < 29
    assert all(look.score is None for _, _, look in found)


def test_the_control_arm_is_a_fixed_few_percent() -> None:
    chosen = [in_control(f"00000-{number:06d}") for number in range(20_000)]
    assert sum(chosen) / len(chosen) == pytest.approx(CONTROL, abs=0.005)


def test_an_image_that_no_cell_needs_is_stopped_and_one_that_is_not_finite_goes_on() -> None:
    stopping, rng = early_plan(), np.random.default_rng(1)
    filled(stopping, rng, 600)
    begun, _ = attempt(rng, 600)
    begun = replace(begun, candidate=replace(begun.candidate, id="00000-000601"))
    assert not in_control("00000-000601")
    assert stopping.look(begun, []).stops
    assert stopping.look(replace(begun, clean=None), []).score is None


def test_decisions_depend_on_nothing_but_verdicts_that_are_old_enough() -> None:
    found = [filled(early_plan(), np.random.default_rng(2), 500) for _ in range(2)]
    assert [look.score for _, _, look in found[0]] == [look.score for _, _, look in found[1]]


def _plan(spec: str) -> Plan:
    return make_plan(parse_spec(spec), Revisions("generator", "judge"))


def test_a_spec_without_early_has_no_lag_beyond_the_window() -> None:
    plain = _plan(SPEC.replace(", early: {steps: 3}", ""))
    assert (plain.lag, plain.early) == (plain.window, None)
    assert PLAN.lag == 2 * PLAN.window
    assert "early" not in plain.spec.canonical()["filters"]
    assert _plan(SPEC.replace("early: {steps: 3}", "early: off")).fingerprint == plain.fingerprint
    assert PLAN.fingerprint != plain.fingerprint
