"""Surplus images keep their pixels, and fill what is lacking later, before anything is rendered."""

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import synthgen
from synthgen.dataset.select import AcceptedImages, SplitRules, select
from synthgen.planning import Plan, growth_of
from synthgen.running import create_run, open_run, read_state, top_up, verify, work
from synthgen.running.decisions import read_decisions
from synthgen.running.shard.filling import Filling
from synthgen.seal import seal, unseal
from synthgen.spec import DuplicateFilter, parse_spec
from synthgen.store import Location, open_store
from tests.command import call
from tests.running.noise import SPEC, BrightnessJudge, NoiseGenerator, noise_plan
from tests.running.tables import ledger_of
from tests.test_review import made, rows

KEEP = ("output.splits={train: 1}", "output.surplus=keep")
PLAN = noise_plan("classes={doctor: 6, chef: 4}", "output.shard_size=5", *KEEP)
MORE = noise_plan("classes={doctor: 11, chef: 4}", "output.shard_size=5", *KEEP)


@pytest.fixture(autouse=True)
def whole_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let batches be whole, as in earlier versions: a batch that is cut to what is needed leaves little surplus."""
    monkeypatch.setattr(Filling, "propose_needed", Filling.propose)


def surplus(location: Location) -> dict[str, list[str]]:
    """The ids of surplus images by class, in their order."""
    found: dict[str, list[str]] = {"doctor": [], "chef": []}
    for row in ledger_of(location, open_run(open_store(location))):
        if row["verdict"] == "surplus":
            found[row["class"]].append(row["id"])
    return found


def work_on(location: Location, plan: Plan) -> None:
    work(plan, open_store(location), NoiseGenerator(), BrightnessJudge(), range(plan.shard_count))


def test_surplus_images_keep_their_pixels_and_the_key_says_whether(tmp_path: Path) -> None:
    made(tmp_path / "run", PLAN)
    kept = [row for row in ledger_of(tmp_path / "run", PLAN) if row["image"] is not None]
    assert {row["verdict"] for row in kept} == {"surplus"}
    assert all(row["thumbnail"] and row["phash"] is not None for row in kept)
    dropping = noise_plan("classes={doctor: 6, chef: 4}", "output.shard_size=5", "output.surplus=drop")
    assert dropping.fingerprint == PLAN.fingerprint
    made(tmp_path / "dropping", dropping)
    other = ledger_of(tmp_path / "dropping", dropping)
    assert not {"image", "phash", "embedding"} & other[0].keys()
    assert [row["id"] for row in other] == [row["id"] for row in ledger_of(tmp_path / "run", PLAN)]


def test_a_top_up_takes_surplus_images_first_and_makes_only_the_rest(tmp_path: Path) -> None:
    run = tmp_path / "run"
    made(run, PLAN)
    spare = surplus(run)
    doctors = [name for name, row in rows(run).items() if row["class"] == "doctor"]
    assert (len(spare["doctor"]), len(doctors)) == (4, 6), "what this test is about"
    synthgen.exclude(run, doctors[:5], reviewer="ana")
    store = open_store(run)
    plan = top_up(store, open_run(store), read_state(open_run(store), store))
    assert plan.additions[-1].quotas == {"doctor": 1}
    last = read_decisions(store)[-1]
    assert (last.include, last.reviewer) == (tuple(spare["doctor"]), None)
    work_on(run, plan)
    done = synthgen.finalize(run)
    assert (done.missing, done.summary.classes) == (0, {"doctor": 6, "chef": 4})
    assert Counter(row["included_by"] for row in rows(run).values()) == {None: 6, "run": 4}
    assert "| taken in | 4 | run | its cell lacked images |" in (run / "dataset/README.md").read_text("utf-8")
    assert top_up(store, plan, read_state(plan, store)) == plan
    assert len(read_decisions(store)) == 2
    assert synthgen.verify(run) == []


@pytest.mark.parametrize("place", ["folder", pytest.param("s3", marks=pytest.mark.slow)], indirect=True)
def test_an_extension_takes_surplus_images_first_and_makes_only_the_rest(place: str) -> None:
    made(place, PLAN)
    spare, store = surplus(place), open_store(place)
    grown = create_run(store, MORE, SPEC, extend=True)
    (addition,) = grown.additions
    assert (addition.quotas, addition.taken, addition.made) == ({"doctor": 5}, {"doctor": 4}, {"doctor": 1})
    assert (grown.spec.total, sum(cell.quota for cell in grown.cells)) == (15, 15)
    assert read_state(grown, store).shortfalls == ()
    assert create_run(store, MORE, SPEC, extend=True) == grown
    work_on(place, grown)
    done = synthgen.finalize(place)
    assert (done.missing, done.summary.classes) == (0, {"doctor": 11, "chef": 4})
    assert [decision.include for decision in read_decisions(store)] == [tuple(spare["doctor"])]
    assert verify(grown, store) == []
    assert growth_of(open_run(store), MORE).addition is None


def test_an_extension_that_surplus_images_fill_makes_nothing_and_one_killed_midway_is_short(tmp_path: Path) -> None:
    run, store = tmp_path / "run", open_store(tmp_path / "run")
    made(run, PLAN)
    spare = surplus(run)
    wanted = noise_plan("classes={doctor: 8, chef: 4}", "output.shard_size=5", *KEEP)
    grown = create_run(store, wanted, SPEC, extend=True)
    assert (grown.shard_count, read_state(grown, store).complete) == (PLAN.shard_count, True)
    assert synthgen.finalize(run).summary.classes == {"doctor": 8, "chef": 4}

    (run / "decisions/00001.json").unlink()  # as if the process had been killed before it
    assert [(short.cell, short.missing) for short in synthgen.finalize(run).shortfalls] == [("doctor", 2)]
    assert top_up(store, grown, read_state(grown, store)) == grown
    assert synthgen.finalize(run).missing == 0
    assert read_decisions(store)[-1].include == tuple(spare["doctor"][:2])


def test_what_a_reviewer_took_out_is_not_taken_in_again_by_the_run(tmp_path: Path) -> None:
    run, store = tmp_path / "run", open_store(tmp_path / "run")
    made(run, PLAN)
    first, second, *_ = surplus(run)["doctor"]
    done = synthgen.include(run, [first], reviewer="ana").decided
    assert done.overfilled == {"doctor": 1}
    synthgen.exclude(run, [first], reviewer="ana")
    wanted = noise_plan("classes={doctor: 7, chef: 4}", "output.shard_size=5", *KEEP)
    create_run(store, wanted, SPEC, extend=True)
    assert read_decisions(store)[-1].include == (second,)


def test_an_image_beyond_its_quota_counts_for_an_extension(tmp_path: Path) -> None:
    run, store = tmp_path / "run", open_store(tmp_path / "run")
    made(run, PLAN)
    synthgen.include(run, surplus(run)["doctor"][:1], reviewer="ana")
    wanted = noise_plan("classes={doctor: 7, chef: 4}", "output.shard_size=5", *KEEP)
    grown = create_run(store, wanted, SPEC, extend=True)
    assert grown.additions[0].taken == {"doctor": 1}
    assert len(read_decisions(store)) == 1
    assert synthgen.finalize(run).summary.classes == {"doctor": 7, "chef": 4}


def test_the_rule_for_duplicates_holds_for_surplus_images_and_not_for_those_that_a_person_took_in() -> None:
    ids, same = ["00000-000000", "00000-000001", "00000-000002"], sha256(b"x").digest()
    rule = DuplicateFilter(max_bits=0)
    found = {}
    for spared in (frozenset[str](), frozenset({ids[1]})):
        accepted = AcceptedImages(ids, [0, 0, 0], [b"a", b"b", b"c"], [same] * 3, None, spared)
        found[len(spared)] = select(accepted, ["chef"], SplitRules({"train": 1.0}), rule)
    assert set(found[0].split_of) == {ids[0]}
    assert set(found[1].split_of) == {ids[0], ids[1]}


def test_a_run_of_an_earlier_version_keeps_nothing_more_when_it_goes_on(tmp_path: Path) -> None:
    run, store = tmp_path / "run", open_store(tmp_path / "run")
    unsaid = SPEC.replace(", surplus: drop", "")
    plan = Plan(parse_spec(unsaid), PLAN.revisions)
    assert plan.spec.output.surplus == "keep"
    create_run(store, plan, unsaid)
    content: dict[str, Any] = unseal((run / "plan.json").read_text())[0]
    del content["spec"]["output"]["surplus"]
    (run / "plan.json").write_text(seal(json.dumps(content, indent=2, ensure_ascii=False)))
    old = open_run(store)
    assert (old.fingerprint, old.spec.output.surplus) == (plan.fingerprint, "drop")
    create_run(store, plan, unsaid)
    assert not (run / "changes").exists()
    said = Plan(parse_spec(unsaid, overrides=["output.surplus=keep"]), PLAN.revisions)
    create_run(store, said, unsaid)
    assert open_run(store).spec.output.surplus == "keep"


def test_what_kept_surplus_images_cost_is_said_before_and_after(tmp_path: Path) -> None:
    made(tmp_path / "run", PLAN)
    kept = synthgen.finalize(tmp_path / "run").kept_bytes
    images = [row["image"] for row in ledger_of(tmp_path / "run", PLAN) if row["image"]]
    assert kept == pytest.approx(sum(len(image["bytes"]) for image in images), rel=0.1)
    spec = "synthgen: 1\nname: x\nmodel: {id: 'bundled:workers', batch_size: 32}\nclasses: {chef: 3}\n"
    spec += "prompts: {templates: ['a {class}']}\n"
    keeping, dropping = (
        synthgen.forecast(synthgen.plan(synthgen.load_spec(spec, each))) for each in ([], ["output.surplus=drop"])
    )
    assert keeping.bytes is not None
    assert keeping.surplus_bytes
    assert (keeping.bytes - keeping.surplus_bytes, dropping.surplus_bytes) == (dropping.bytes, 0)
    (tmp_path / "s.yaml").write_text(spec, "utf-8")
    assert "of it kept surplus images" in call("plan", "s.yaml", folder=tmp_path).stdout
