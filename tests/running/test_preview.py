"""A preview shows every class, and as many of the cells as it has attempts for."""

from synthgen.planning import first_candidates
from synthgen.running.shard.preview import preview
from tests.running.noise import BrightnessJudge, NoiseGenerator, noise_plan


def test_every_class_is_seen_before_any_is_seen_twice_and_every_cell_too() -> None:
    plan = noise_plan("balance=[{attribute: tint}]", "classes={doctor: 40, chef: 2, farmer: 3}", "output.shard_size=1")
    rows = list(preview(plan, NoiseGenerator(batch_size=4), BrightnessJudge(), first_candidates(plan, 10)))
    assert [row["class"] for row in rows] == ["doctor", "chef", "farmer"] * 3 + ["doctor"]
    assert [row["attempt"] for row in rows] == list(range(10))
    assert {row["cell_aimed"] for row in rows[:6]} == {cell.name for cell in plan.cells}
    assert len({row["cell_aimed"].partition("=")[2] for row in rows[:3]}) == 2, "not one value alone"
    assert {"accepted", "rejected"} <= {row["verdict"] for row in rows}
