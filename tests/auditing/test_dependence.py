"""Images that share a prompt, a seed, a source or their pixels are worth fewer than their number."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import synthgen
from synthgen.auditing.effects import NearGroups
from synthgen.auditing.findings import Scope
from synthgen.auditing.measure import AuditOptions, measure
from tests.command import call

TONES = {"tone": ("light", "dark")}


def overall(frame: pd.DataFrame, near: np.ndarray | None = None, chains: int = 0, **given: object) -> Scope:
    groups = None if near is None else NearGroups(near, chains)
    options = AuditOptions(known=["tone"], near=groups, **given)  # type: ignore[arg-type]
    return measure(frame, TONES, options).attributes[0].scopes[0]


def copied(originals: int, times: int, share: float, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    number = np.repeat(np.arange(originals), times)
    tone = np.where(rng.random(originals) < share, "dark", "light")[number]
    frame = pd.DataFrame({"label": "cook", "tone": tone})
    frame["prompt"] = [f"prompt {row}" for row in range(len(frame))]
    order = rng.permutation(len(frame))
    return frame.iloc[order].reset_index(drop=True), number[order]


def test_of_images_that_occur_five_times_the_interval_is_that_of_a_fifth() -> None:
    held, effects = 0, []
    for seed in range(60):
        frame, number = copied(120, 5, 0.3, np.random.default_rng(seed))
        scope = overall(frame, number)
        found = scope.shares[1].clustered
        assert scope.design_effect is not None
        assert found is not None
        effects.append(scope.design_effect)
        held += found.low <= 0.3 <= found.high
    assert np.mean(effects) == pytest.approx(5, abs=0.3)
    assert held >= 53
    unaware = overall(copied(120, 5, 0.3, np.random.default_rng(0))[0])
    assert (unaware.design_effect, unaware.clusters) == (None, None)


@pytest.mark.parametrize("column", ["seed", "source_id", "source_image"])
def test_shared_seeds_and_sources_widen_intervals_as_near_duplicates_do(column: str) -> None:
    frame, number = copied(60, 5, 0.4, np.random.default_rng(1))
    scope, near = overall(frame.assign(**{column: number.astype(str)})), overall(frame, number)
    assert (scope.clusters, scope.prompts) == (60, None)
    assert scope.design_effect == near.design_effect
    assert scope.shares == near.shares
    assert ("a seed" if column == "seed" else "a source image") in scope.quote.reason


def test_images_that_are_connected_over_two_things_are_one_cluster_and_the_order_of_rows_does_not_matter() -> None:
    frame, number = copied(80, 3, 0.5, np.random.default_rng(2))
    frame["prompt"], frame["seed"] = number.astype(str), np.arange(240).astype(str)
    frame.loc[number < 2, "seed"] = "the same"  # joins the first two prompts
    several = pd.concat([frame, frame.assign(label="judge")], ignore_index=True)
    found = measure(several, TONES, AuditOptions(known=["tone"]))
    assert [scope.clusters for scope in found.attributes[0].scopes] == [158, 79, 79]
    assert [scope.prompts for scope in found.attributes[0].scopes] == [160, 80, 80]
    assert found.dependence is not None
    shared = {each.what: (each.images, each.groups, each.largest, each.counted) for each in found.dependence.shared}
    assert shared == {"prompt": (480, 160, 3, True), "seed": (12, 2, 6, True)}
    shuffled = several.sample(frac=1, random_state=3).reset_index(drop=True)
    assert measure(shuffled, TONES, AuditOptions(known=["tone"])) == found


def crossed(prompts: int, seeds: int, rng: np.random.Generator) -> pd.DataFrame:
    """Each prompt with each seed: prompts and seeds both move the chance of dark skin."""
    prompt, seed = (each.ravel() for each in np.meshgrid(np.arange(prompts), np.arange(seeds)))
    chance = 1 / (1 + np.exp(-(rng.normal(0, 1.2, prompts)[prompt] + rng.normal(0, 1.2, seeds)[seed])))
    tone = np.where(rng.random(len(prompt)) < chance, "dark", "light")
    return pd.DataFrame({"label": "cook", "tone": tone, "prompt": prompt.astype(str), "seed": seed.astype(str)})


def test_crossed_prompts_and_seeds_are_not_one_cluster_and_their_effects_add_up() -> None:
    held, alone = 0, 0
    for number in range(60):
        frame = crossed(20, 20, np.random.default_rng(number))
        found = measure(frame, TONES, AuditOptions(known=["tone"]))
        scope = found.attributes[0].scopes[0]
        assert scope.shares[1].clustered is not None
        held += scope.shares[1].clustered.low <= 0.5 <= scope.shares[1].clustered.high
        prompts = overall(frame.drop(columns="seed")).shares[1].clustered
        assert prompts is not None
        alone += prompts.low <= 0.5 <= prompts.high
    assert held >= 54
    assert alone < held
    assert found.dependence is not None
    assert found.dependence.apart == ("overall", "class cook")
    assert any("cannot be clusters (overall, class cook)" in caveat for caveat in found.caveats)


def test_one_seed_for_all_leaves_the_prompts_and_says_that_it_cannot_be_estimated() -> None:
    frame, number = copied(60, 5, 0.4, np.random.default_rng(4))
    frame["prompt"] = number.astype(str)
    found = measure(frame.assign(seed="42"), TONES, AuditOptions(known=["tone"]))
    scope, prompts = found.attributes[0].scopes[0], overall(frame)
    assert scope.design_effect == pytest.approx(prompts.design_effect, rel=0.2)
    assert scope.prompts == 60
    assert any("all images of a class have one seed" in caveat for caveat in found.caveats)


def test_what_cannot_matter_leaves_the_figures_as_they_are() -> None:
    frame, _ = copied(300, 1, 0.4, np.random.default_rng(5))
    pairs = np.arange(300)
    pairs[:8] //= 2  # four pairs in 300: at most 1.03 times the variance
    found = measure(frame, TONES, AuditOptions(known=["tone"], near=NearGroups(pairs)))
    assert found.attributes == measure(frame, TONES, AuditOptions(known=["tone"])).attributes
    assert found.dependence is not None
    assert [(each.what, each.images, each.counted) for each in found.dependence.shared] == [
        ("near-duplicates", 8, False)
    ]
    about = measure(frame, TONES, AuditOptions(known=["tone"], near=NearGroups(pairs // 5), about_set=True))
    assert about.dependence is None


def test_the_audit_of_a_table_reads_seeds_and_says_what_images_share(tmp_path: Path) -> None:
    frame, number = copied(60, 5, 0.4, np.random.default_rng(6))
    frame.assign(seed=number, id=[f"i{row}" for row in range(300)]).to_csv(tmp_path / "set.csv", index=False)
    command = ("audit", tmp_path / "set.csv", "--known", "tone=tone", "-o", tmp_path / "out")
    text = " ".join(call(*command, folder=tmp_path).stdout.split())
    assert "300 images in 60 groups share a seed within a class" in text
    found = json.loads((tmp_path / "out" / "audit.json").read_text("utf-8"))["findings"]
    assert found["attributes"][0]["scopes"][0]["design_effect"] > 3
    assert found["dependence"]["shared"] == [
        {"what": "seed", "images": 300, "groups": 60, "largest": 5, "counted": True}
    ]
    assert "300 images in 60 groups share a seed" in (tmp_path / "out" / "report.html").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("column", ["path", "id", "image_id"])
def test_rows_that_repeat_one_file_or_id_are_worth_one_image(column: str, tmp_path: Path) -> None:
    """A set in which rare images were repeated to balance it has no more images than before."""
    tone = np.where(np.arange(60) < 23, "dark", "light")
    once = pd.DataFrame({column: [f"{row:02}.png" for row in range(60)], "label": "cook", "tone": tone})
    once.to_csv(tmp_path / "once.csv", index=False)
    pd.concat([once] * 10).to_csv(tmp_path / "often.csv", index=False)
    gate = ["--known", "tone=tone", "--target", "tone=uniform", "--gate", "tone overall: tv <= 0.2"]
    for name in ("once", "often"):
        ended = call("audit", f"{name}.csv", *gate, "--json", folder=tmp_path)
        assert ended.returncode == 4, ended.stderr
        report = json.loads((tmp_path / f"outputs/{name}-audit/audit.json").read_text())
        (gated,) = report["findings"]["gates"]
        assert gated["outcome"] == "insufficient data"
        scope = report["findings"]["attributes"][0]["scopes"][0]
        share = scope["shares"][0]
        if name == "once":
            assert scope["design_effect"] is None
            low, high = share["raw"]["low"], share["raw"]["high"]
            continue
        assert scope["design_effect"] == pytest.approx(10, rel=0.15)
        assert (share["clustered"]["low"], share["clustered"]["high"]) == pytest.approx((low, high), abs=0.015)
        assert "a file or an id" in scope["quote"]["reason"]


def test_copies_of_the_same_pixels_are_worth_one_image_if_the_images_were_looked_at(tmp_path: Path) -> None:
    rng, rows = np.random.default_rng(4), []
    for number in range(30):
        picture = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        for copy in range(8):
            name = f"{number}-{copy}.{'png' if copy % 2 else 'bmp'}"
            picture.save(tmp_path / name)
            rows.append({"path": name, "label": "cook", "tone": "dark" if number < 12 else "light"})
    rows.insert(0, {"path": "gone.png", "label": "cook", "tone": "dark"})
    pd.DataFrame(rows).to_csv(tmp_path / "set.csv", index=False)
    asked = {"known": {"tone": "tone"}, "targets": {"tone": "uniform"}, "gates": ["tone overall: tv <= 0.2"]}
    blind = synthgen.audit(tmp_path / "set.csv", **asked).findings  # type: ignore[arg-type]
    seen = synthgen.audit(tmp_path / "set.csv", inspect=True, **asked).findings  # type: ignore[arg-type]
    assert blind.gates[0].outcome.value == "pass"  # it did not look
    assert seen.gates[0].outcome.value == "insufficient data"
    assert seen.attributes[0].scopes[0].design_effect == pytest.approx(8, rel=0.15)
