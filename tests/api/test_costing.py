"""What a plan costs: hours and money with a range, from what was measured, and nothing made up before that."""

from dataclasses import replace
from pathlib import Path

import pytest

import synthgen
from synthgen.errors import UsageError
from tests.api.test_forecasts import SPEC
from tests.command import call, envelope, result

YAML = """\
synthgen: 1
name: small
model: {id: "bundled:workers"}
classes: {doctor: 3}
prompts: {templates: ["a {class}"]}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_range_is_that_of_the_attempts() -> None:
    found = synthgen.forecast(synthgen.plan(SPEC))
    known = replace(found, attempts=100, attempts_range=(80, 150), seconds=7200.0)
    cost = synthgen.cost(known, 2.5)
    assert (cost.hours, cost.hours_range) == (2.0, (1.6, 3.0))
    assert (cost.money, cost.money_range) == (5.0, (4.0, 7.5))
    unsure = synthgen.cost(replace(known, attempts_range=None), 2.5)
    assert (unsure.money, unsure.money_range, unsure.hours_range) == (5.0, None, None)
    assert synthgen.cost(known, 0).money == 0


def test_nothing_is_known_before_a_measurement() -> None:
    cost = synthgen.cost(synthgen.forecast(synthgen.plan(SPEC)), 3)
    assert (cost.hours, cost.money, cost.money_range) == (None, None, None)
    assert cost.basis.startswith("unknown")


@pytest.mark.parametrize("price", [-1, float("nan"), float("inf"), "2", None, True])
def test_a_price_that_is_none_is_refused(price: object) -> None:
    found = synthgen.forecast(synthgen.plan(SPEC))
    with pytest.raises(UsageError, match="expected a number") as error:
        synthgen.cost(found, price)  # type: ignore[arg-type] # a wrong one
    assert error.value.argument == "price_per_hour"


def test_plan_shows_it(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(YAML)
    done = call("plan", "spec.yaml", "--price-per-hour", "2.5", "--json", folder=tmp_path)
    assert result(done.stdout)["cost"]["money"] is None
    done = call("plan", "spec.yaml", "--price-per-hour", "2.5", folder=tmp_path)
    assert "\ncost      not known before a preview" in done.stdout
    done = call("plan", "spec.yaml", "--price-per-hour=nan", "--json", folder=tmp_path)
    found = envelope(done.stdout)
    assert (found["exit_code"], found["errors"][0]["argument"]) == (2, "--price-per-hour")
