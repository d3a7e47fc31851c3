"""Before any image is made: whether a gate can pass with the images that the spec asks for."""

from pathlib import Path

import numpy as np
import pytest

from synthgen.planning import gate_needs
from synthgen.spec import parse_spec
from synthgen.stats.distance import Measure, distances
from synthgen.stats.power import images_to_pass
from tests.command import call, result

SPEC = """
synthgen: 1
name: test
model: {id: "bundled:workers"}
classes: {doctor: 300, nurse: COUNT}
prompts: {templates: ["a {class} with {skin} skin"], variables: {skin: [light, medium, dark]}}
attributes:
  skin_tone: {values: {light: ["light skin"], medium: ["medium skin"], dark: ["dark skin"]}, variable: skin}
balance: [{attribute: skin_tone}]
gates: [{attribute: skin_tone, max_tv: 0.1}]
"""


@pytest.mark.parametrize("shares", [[0.5, 0.5], [1 / 3] * 3, [0.7, 0.2, 0.1], [0.1] * 10], ids=len)
@pytest.mark.parametrize("limit", [0.05, 0.1, 0.2])
def test_so_many_images_of_exact_shares_pass_and_a_third_fewer_do_not(shares: list[float], limit: float) -> None:
    needed = images_to_pass(shares, limit)
    assert needed is not None
    wanted = np.array(shares)
    ends = {}
    for images in (round(needed * 0.66), round(needed * 1.1)):
        found = distances(wanted, images, wanted, None, np.random.default_rng(0))
        ends[images] = next(each.found.high for each in found if each.measure is Measure.TV)
    fewer, more = ends.values()
    assert more <= limit < fewer


def test_no_number_of_images_shows_a_distance_of_0() -> None:
    assert images_to_pass([0.5, 0.5], 0.0) is None


def test_a_gate_that_cannot_pass_is_told_before_anything_is_made(tmp_path: Path) -> None:
    short, enough = tmp_path / "short.yaml", tmp_path / "enough.yaml"
    short.write_text(SPEC.replace("COUNT", "20"))
    enough.write_text(SPEC.replace("COUNT", "400"))
    (need,) = gate_needs(parse_spec(short.read_text()))
    assert (need.place, need.images, need.can_pass) == ("class nurse", 20, False)

    said = f"takes about {need.needed} images in each class to pass, even with exact shares; class nurse has 20"
    assert said in call("validate", str(short), folder=tmp_path).stdout.replace("\n", " ")
    assert "note" not in call("validate", str(enough), folder=tmp_path).stdout
    planned = result(call("plan", str(short), "--json", folder=tmp_path).stdout)
    assert planned["gates"][0]["can_pass"] is False
