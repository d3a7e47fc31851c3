"""Models are opened by the user's word: those that a run of somebody else names are asked for first."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synthgen
from synthgen.errors import Interrupted, ModelError, StorageError, SynthgenError, UsageError
from tests.generating.tiny import save_stable_diffusion
from tests.handed_over import (
    ID,
    OPENING,
    audit,
    command_line,
    forged,
    handed_over,
    planned,
    run_for,
    spec,
    with_revisions,
)
from tests.hub import COMMIT


@pytest.mark.parametrize("command", OPENING)
def test_a_run_of_somebody_else_opens_its_models_only_with_trust(user: Path, command: str) -> None:
    run = run_for(command, user / "run")
    with pytest.raises(UsageError, match="names what was never used on this machine") as refused:
        OPENING[command](run, False)
    assert str(run) in refused.value.message
    assert "judge in the folder ./judge (content:" in refused.value.message
    assert "`trust=True`" in (refused.value.hint or "")
    OPENING[command](run, True)


@pytest.mark.parametrize("command", OPENING)
def test_what_ships_with_synthgen_needs_no_trust(user: Path, command: str) -> None:
    OPENING[command](run_for(command, user / "run", "judge.id=bundled:judge"), False)


def stopped(command: Callable[[Callable[[], bool]], object]) -> None:
    with pytest.raises(Interrupted):
        command(lambda: True)


OWN_WORD: dict[str, Callable[[], object]] = {
    "plan -o": lambda: synthgen.begin(spec(), "mine"),
    "run": lambda: stopped(lambda stop: synthgen.run(spec(), "mine", devices="cpu", stop=stop)),
    "preview": lambda: synthgen.preview(spec(), 1, Path("preview.html"), "cpu"),
    "calibrate": lambda: stopped(lambda stop: synthgen.pilot(spec(), Path("pilot"), 1, devices="cpu", stop=stop)),
    "audit --judge": lambda: audit(Path("others"), judges=["local-dir:./judge"]),
    "audit --spec": lambda: synthgen.audit("others", spec=spec("attributes.tint.abstain_below=0.9"), device="cpu"),
}


@pytest.mark.parametrize("command", OWN_WORD)
def test_what_the_user_names_is_known_from_then_on_wherever_it_lies(user: Path, command: str) -> None:
    handed_over(user / "others", "judge.id=bundled:judge" if command.startswith("audit") else "seed=1")
    OWN_WORD[command]()
    shutil.move("judge", "moved")
    synthgen.work(handed_over(user / "run", "judge.id=local-dir:./moved"), device="cpu")


def test_to_look_at_a_spec_or_at_a_run_is_not_to_name_its_models(user: Path) -> None:
    run = handed_over(user / "run")
    synthgen.status(run)
    synthgen.verify(run)
    synthgen.finalize(run)
    with pytest.raises(UsageError, match="never used"):
        synthgen.work(run, device="cpu")
    assert not (user / "cache").exists()


def test_a_name_that_the_user_gives_is_their_word_for_the_runs_own_judge_too(user: Path) -> None:
    run = handed_over(user / "run")
    audit(run, judges=["local-dir:./judge"])
    audit(run)


def test_a_known_judge_does_not_stand_for_another_one_in_its_place(user: Path) -> None:
    synthgen.begin(spec(), "mine")
    runs = {name: run_for(name, user / name) for name in OPENING}
    tokenizer = Path("judge/tokenizer_config.json")
    tokenizer.write_text(tokenizer.read_text() + " ")
    for name, command in OPENING.items():
        with pytest.raises(ModelError, match=r"judge local-dir:\./judge is not the one that the run was planned with"):
            command(runs[name], False)


@pytest.mark.parametrize("blocked", ["a file", "read-only"])
def test_where_nothing_can_be_noted_own_runs_are_made_all_the_same(user: Path, blocked: str) -> None:
    if blocked == "a file":
        (user / "cache").write_text("")
    else:
        (user / "cache").mkdir(mode=0o500)
    synthgen.run(spec(), "mine", devices="cpu")
    audit(Path("mine"), judges=["local-dir:./judge"])


def test_a_note_that_is_no_file_of_the_users_own_counts_for_nothing(user: Path) -> None:
    synthgen.begin(spec(), "mine")
    (note,) = (user / "cache/synthgen/models").iterdir()
    note.rename(user / "elsewhere")
    note.symlink_to(user / "elsewhere")
    with pytest.raises(UsageError, match="never used"):
        synthgen.work("mine", device="cpu")


@pytest.mark.parametrize(
    ("plan", "named"),
    [
        (("main", None, "model.id=owner/painter", "judge.id=bundled:judge"), "'main'"),
        ((None, "refs/pr/1", "judge.id=hf-hub:owner/judge"), "'refs/pr/1'"),
        ((None, "../../x", "judge.id=hf-hub:owner/judge"), "'../../x'"),
        ((None, "ViT-B-32/openai", "judge.id=ViT-B-32/laion2b_s34b_b79k"), "'ViT-B-32/openai'"),
        ((None, COMMIT, "judge.id=local-dir:./judge"), COMMIT),
        ((COMMIT, None, "model.id=./painter", "judge.id=bundled:judge"), COMMIT),
    ],
    ids=lambda plan: plan if isinstance(plan, str) else plan[-1],
)
def test_a_revision_that_pins_nothing_is_refused_even_with_trust(user: Path, plan: Any, named: str) -> None:
    run = planned(user / "run", with_revisions(*plan))
    for trust in (False, True):
        with pytest.raises(StorageError, match=r"plan\.json is damaged") as refused:
            synthgen.work(run, device="cpu", trust=trust)
        assert named in refused.value.message


@pytest.mark.parametrize("role", ["model", "judge"])
def test_a_hub_model_is_known_by_the_commit_in_the_cache(user: Path, role: str) -> None:
    names = ("model.id=owner/it", "judge.id=bundled:judge") if role == "model" else ("judge.id=hf-hub:owner/it",)
    run = planned(user / "run", with_revisions(*((COMMIT, None) if role == "model" else (None, COMMIT)), *names))
    with pytest.raises(UsageError, match=f"{role} owner/it from the hub, at commit {COMMIT}"):
        synthgen.work(run, device="cpu")
    snapshot = user / "hub/models--owner--it/snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    with pytest.raises(ModelError):  # opened, and not whole
        synthgen.work(run, device="cpu")


def test_a_folder_with_the_name_of_a_hub_model_is_not_opened_for_it(user: Path) -> None:
    save_stable_diffusion(user / "owner/painter")
    run = planned(user / "run", with_revisions(COMMIT, None, "model.id=owner/painter", "judge.id=bundled:judge"))
    with pytest.raises(UsageError, match="would be opened in its place"):
        synthgen.work(run, device="cpu", trust=True)


@pytest.mark.slow
def test_the_command_line_asks_for_trust_once_and_takes_it_from_the_environment_too(user: Path) -> None:
    run, tasks = handed_over(user / "run"), planned(user / "tasks", synthgen.plan(spec()))
    refused = command_line("work", tasks, "--index", 0, "--of", 1)
    assert (refused.returncode, "Traceback" in refused.stderr) == (2, False)
    assert "the judge in the folder ./judge (content:" in refused.stderr
    assert command_line("work", tasks, "--index", 0, "--of", 1, SYNTHGEN_TRUST="1").returncode == 0
    assert command_line("replay", tasks, ID, "--device", "cpu").returncode == 2
    assert command_line("replay", tasks, ID, "--device", "cpu", "--trust").returncode == 0
    assert command_line("audit", run, "--attributes", "attributes.yaml", "--trust").returncode == 0


def test_a_commit_that_a_run_names_is_not_the_word_of_who_names_the_judge(user: Path) -> None:
    """It may be anybody's: pull requests on the hub have commits too."""
    run = forged(user / "run", with_revisions(None, COMMIT, "judge.id=hf-hub:owner/judge"))
    with pytest.raises(UsageError, match="never used"):
        audit(run, judges=["hf-hub:owner/judge"])
    with pytest.raises(SynthgenError, match="cannot be downloaded"):
        audit(run, judges=["hf-hub:owner/judge"], trust=True)
