"""What commands say of cells that fell short, and while they work."""

import pytest

from synthgen.api.finishing import RunResult
from synthgen.cli.show import answer_of_run, shortfall_lines, tally_lines
from synthgen.dataset.summary import DatasetSummary, SplitSummary
from synthgen.ledger.tally import ClassTally, Tally
from synthgen.records import Shortfall
from synthgen.spec import Output, parse_spec

SPEC = parse_spec("""
synthgen: 1
name: test
model: {id: owner/name}
classes: {doctor: 3}
prompts: {templates: ["a {class}"]}
attributes:
  hair:
    values: {short: [a], blond: [b]}
    abstain_below: 0.99
    not_applicable: [c]
balance: [{attribute: hair}]
""")


def told(*shortfalls: Shortfall) -> list[str]:
    return list(shortfall_lines(shortfalls, SPEC))


def test_without_a_hit_nothing_is_forecast() -> None:
    text = told(Shortfall("doctor", missing=3, attempts=13, hits=0, accepted=0, spare=1))
    assert text == [
        "short     doctor: 3 missing",
        "          0 of 13 attempts passed",
        "          1 attempt beyond budget.attempts_per_image, to fill up the last batch",
    ]


def test_with_hits_the_yield_is_told_and_what_it_would_take() -> None:
    text = told(Shortfall("doctor", missing=3, attempts=16, hits=4, accepted=4))
    assert "          4 of 16 attempts passed, 25%: about 12 more needed" in text


def test_of_several_shards_only_those_that_lack_it_are_counted() -> None:
    lines = shortfall_lines([Shortfall("doctor", 3, 6, 0, 0)], SPEC.model_copy(update={"output": Output(shard_size=2)}))
    assert "          0 of 6 attempts in the shards that lack it passed" in list(lines)


@pytest.mark.parametrize(
    ("miss", "line"),
    [
        ("hair=unknown", "most (9) were 'unknown': attributes.hair.abstain_below = 0.99"),
        ("hair=blond", "most (9) showed hair 'blond'"),
        ("hair=not applicable", "most (9) had hair 'not applicable'"),
        ("label", "most (9) were rejected: label"),
        ("not_finite", "most (9) failed: not_finite"),
    ],
)
def test_what_the_attempts_came_to_is_named(miss: str, line: str) -> None:
    rare = {miss: 9, "clip": 1}
    text = told(Shortfall("doctor", missing=1, attempts=10, hits=0, accepted=0, misses=rare))
    assert text[2:] == [f"          {line}"]


def test_very_many_cells_are_summed_up() -> None:
    text = told(*(Shortfall(f"c{i}", missing=2, attempts=1, hits=0, accepted=0) for i in range(50)))
    assert text[-1] == "short     30 more cells: 60 missing; --json lists them"


def test_surplus_is_not_counted_as_a_failure_of_the_model() -> None:
    """What passed the filters and found its quota full says nothing against the thresholds."""
    tally = Tally((ClassTally("doctor", 6, 32, 6, {"surplus": 20, "label": 6}),))
    assert list(tally_lines(tally)) == [
        "outcome   26 of 32 attempts passed the filters (81%): 6 kept, 20 more than needed",
        "by class  kept/requested of attempts, and what became of the others",
        "  doctor  6/6 of 32   surplus 20, label 6",
    ]
    assert next(tally_lines(Tally((ClassTally("doctor", 6, 8, 6, {"label": 2}),)))) == (
        "outcome   6 of 8 attempts passed the filters (75%): 6 kept"
    )
    assert list(tally_lines(Tally((ClassTally("doctor", 6, 6, 6, {}),)))) == [
        "outcome   6 of 6 attempts passed the filters (100%): 6 kept",
        "by class  kept/requested of attempts",
        "  doctor  6/6 of 6",
    ]


def test_a_split_without_an_image_is_named_at_the_end_of_a_run() -> None:
    tally = Tally((ClassTally("doctor", 1, 1, 1, {}),))
    splits = (SplitSummary("train", 1, 0, {}, {"doctor": 1}), SplitSummary("test", 0, 0, {}, {"doctor": 0}))
    summary = DatasetSummary("test", "", splits, (), 0, {})
    lines = list(answer_of_run(RunResult("run", "d", "s", 1, True, tally, summary, (), 1.0, SPEC)).lines)
    assert "empty     the split 'test': too few images for its share, so the dataset does not have it" in lines
    assert sum(str(line).startswith("empty") for line in lines) == 1


def test_a_short_run_names_only_what_can_still_be_done_and_is_not_called_complete() -> None:
    lacking = (Shortfall("doctor", missing=2, attempts=24, hits=1, accepted=1),)
    tally = Tally((ClassTally("doctor", 3, 24, 1, {}),))
    summary = DatasetSummary("test", "", (SplitSummary("train", 1, 0, {}, {"doctor": 1}),), (), 0, {})
    found = RunResult("run", "run/dataset", "run/report.html", 0, False, tally, summary, lacking, 1.0, SPEC)
    answer = answer_of_run(found)
    assert answer.error is not None
    assert answer.error.hint == (
        "Add `top_up=True` to try again: each time makes up to about 16 more attempts. With a larger budget or "
        "looser filters in the spec, add `extend=True` as well."
    )
    assert next(iter(answer.lines)) == "nothing to do: every shard is done"
