"""What commands say of cells that fell short, and while they work."""

import pytest

from synthgen.cli.progress import _note
from synthgen.cli.show import print_shortfalls
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


def told(capsys: pytest.CaptureFixture[str], *shortfalls: Shortfall) -> str:
    print_shortfalls(shortfalls, SPEC)
    return capsys.readouterr().out


def test_without_a_hit_nothing_is_forecast(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, Shortfall("doctor", missing=3, attempts=13, hits=0, accepted=0, spare=1))
    assert text.splitlines() == [
        "short     doctor: 3 missing",
        "          none of 13 attempts gave one",
        "          1 of them beyond the budget: a batch keeps its size, and nothing more is taken",
    ]


def test_with_hits_the_yield_is_told_and_what_it_would_take(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, Shortfall("doctor", missing=3, attempts=16, hits=4, accepted=4))
    assert "4 of 16 attempts gave one, 25%: about 12 more\n" in text


def test_of_several_shards_only_those_that_lack_it_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    print_shortfalls([Shortfall("doctor", 3, 6, 0, 0)], SPEC.model_copy(update={"output": Output(shard_size=2)}))
    assert "none of 6 attempts in the shards that lack it gave one" in capsys.readouterr().out


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
def test_what_the_attempts_came_to_is_named(capsys: pytest.CaptureFixture[str], miss: str, line: str) -> None:
    rare = {miss: 9, "clip": 1}
    text = told(capsys, Shortfall("doctor", missing=1, attempts=10, hits=0, accepted=0, misses=rare))
    assert text.splitlines()[2:] == [f"          {line}"]


def test_very_many_cells_are_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, *(Shortfall(f"c{i}", missing=2, attempts=1, hits=0, accepted=0) for i in range(50)))
    assert text.splitlines()[-1] == "short     30 more cells: 60 missing; --json names them"


def test_the_yield_cannot_be_taken_for_the_progress() -> None:
    assert _note(accepted=4, quota=36, attempts=12, seconds=3.0) == "33% of 12 attempts, 24 s left"
    assert _note(accepted=0, quota=36, attempts=12, seconds=3.0) == "none of 12 attempts"
