"""The domain alarm: it rings for pictures in another style, and not for another mix of the same ones."""

import json
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageDraw
from rich.console import Console
from scipy.stats import binom

import synthgen
from synthgen.auditing.domain import CheckedOn, compare_domain, margin_p_value
from synthgen.auditing.input.checked_on import checked_on
from synthgen.auditing.input.judges import JudgeId
from synthgen.auditing.report import render_tables, write_fragment, write_html
from synthgen.bundled import JUDGE as WEIGHTS
from synthgen.bundled.profile import read_profile
from synthgen.models import content_hash
from tests.auditing.audits import JUDGE
from tests.auditing.portraits import ATTRIBUTES, portrait

HEADLINE = "This judge was checked on other pictures than these"


def drawn_otherwise(rng: Random) -> Image.Image:
    """Draw a person with black outlines, in another shape."""
    image = Image.new("RGB", (96, 96), tuple(rng.randrange(180, 256) for _ in range(3)))
    pen, ink = ImageDraw.Draw(image), (0, 0, 0)
    skin = rng.choice([(255, 219, 172), (198, 134, 66), (92, 56, 36)])
    pen.rectangle((18, 74, 78, 96), rng.choice([(250, 250, 250), (200, 60, 60)]), ink, 2)
    pen.ellipse((20, 20, 76, 80), skin, ink, 2)
    pen.pieslice((18, 14, 78, 56), 180, 360, rng.choice([(30, 20, 20), (230, 200, 90)]), ink)
    for x in (38, 58):
        pen.ellipse((x - 2, 44, x + 2, 52), ink)
    return image


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, synthgen.Audit]:
    """Forty foreign drawings, and forty dark-skinned people, nearly all chefs, of the bundled world."""
    place = tmp_path_factory.mktemp("domain")
    (place / "attributes.yaml").write_text(ATTRIBUTES)
    rng = Random(3)
    for number in range(40):
        kind = ("chef", "doctor")[number % 20 == 0]
        for name in ("foreign", "chefs"):
            (place / name / kind).mkdir(parents=True, exist_ok=True)
        drawn_otherwise(rng).save(place / f"foreign/{kind}/{number}.png")
        (place / f"chefs/{kind}/{number}.png").write_bytes(portrait(kind, "dark", 500 + number))
    return {
        name: synthgen.audit(
            place / name,
            attributes=place / "attributes.yaml",
            judges=[JUDGE],
            cache=place / "cache",
            device="cpu",
            gates=["skin_tone over all: share of dark >= 0"],
            trust_judge=True,
        )
        for name in ("foreign", "chefs")
    }


def test_pictures_in_another_style_ring_before_anything_else(audits: dict[str, synthgen.Audit]) -> None:
    report = audits["foreign"].report
    domain = json.loads(json.dumps(audits["foreign"].to_dict()))["domain"]
    far = domain["tests"][0]
    assert (far["what"], domain["alarm"] is not None) == ("distance", True)
    assert far["here"]["low"] > 0.1
    assert far["adjusted"] < 0.01

    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(*render_tables(report))
    assert capture.get().startswith(f"! {HEADLINE}: the portraits of the bundled world.")
    for page in (write_html(report), write_fragment(report)):
        assert page.index(HEADLINE) < page.index("on the judge")
        assert "a gate was decided on its word alone (<code>trust_judge</code>)" in page


def test_another_mix_of_its_own_pictures_rings_nothing(audits: dict[str, synthgen.Audit]) -> None:
    domain = audits["chefs"].report.domain
    assert domain is not None
    assert domain.alarm is None
    assert {test.what for test in domain.tests} == {"distance", "unknown skin_tone", "unsure skin_tone"}
    assert HEADLINE not in write_html(audits["chefs"].report)


def test_the_profile_belongs_to_the_judge_that_ships() -> None:
    judge = JudgeId(JUDGE, content_hash(WEIGHTS))
    assert read_profile().judge == judge.revision
    assert checked_on(judge) is not None
    assert checked_on(replace(judge, revision="another")) is None


def test_halves_of_what_it_was_checked_on_ring_at_most_as_often_as_stated() -> None:
    vectors, rng = read_profile().vectors, np.random.default_rng(1)
    rung = 0
    for _ in range(20):
        order = rng.permutation(len(vectors))
        half, other = vectors[order[:200]], vectors[order[200:]]
        found = compare_domain(half, CheckedOn(other, "it"), {}, None)
        assert found is not None
        rung += found.alarm is not None
    assert rung <= binom.ppf(0.999, 20, 0.01)
    assert compare_domain(vectors[:0], CheckedOn(vectors, "it"), {}, None) is None


def test_pairs_with_a_margin_keep_their_level_and_have_power() -> None:
    rng = np.random.default_rng(2)

    def rejected(share: float, more: float) -> float:
        there = rng.random((2000, 300)) < share
        often = np.where(there, 0.9, (more + 0.1 * share) / (1 - share))
        here = rng.random(there.shape) < often
        return float(np.mean([margin_p_value(a, b) < 0.01 for a, b in zip(here, there, strict=True)]))

    assert rejected(0.2, 0.1) <= 0.01 + 3 * (0.01 * 0.99 / 2000) ** 0.5, "here exceeds there by the margin exactly"
    assert rejected(0.2, 0.25) > 0.95
