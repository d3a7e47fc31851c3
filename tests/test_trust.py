"""Models are opened by the user's word: those of a run that was handed over are asked for first, and none runs code."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
from transformers import AutoTokenizer

from synthgen import api
from synthgen.api.running import make_shards
from synthgen.errors import Interrupted, ModelError, StorageError, SynthgenError, UsageError
from synthgen.plan import Plan, Revisions, make_plan
from synthgen.remote_code import remote_code_disabled
from synthgen.run import create_run, open_store
from synthgen.spec import Spec, parse_spec
from tests.generate.tiny import save_stable_diffusion
from tests.hub import COMMIT, serve
from tests.judge.hostile import ASKS, spoil
from tests.judge.tiny import save_judge
from tests.run.noise import SPEC, make_run

TINTS = """\
attributes:
  tint: {values: {green: ["a green picture"], pink: ["a pink picture"]}}
"""
ID = "00000-000000"


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has named nothing yet, in a folder with a judge and with attributes to measure."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    save_judge(tmp_path / "judge")
    (tmp_path / "attributes.yaml").write_text(TINTS)
    return tmp_path


def spec(*overrides: str) -> Spec:
    drawn = ("model.id=bundled:workers", "model.steps=1", "judge.id=local-dir:./judge", "classes={doctor: 2}")
    return parse_spec(SPEC, overrides=[*drawn, *overrides])


def handed_over(place: Path, *overrides: str) -> Path:
    """A finished run that somebody else has planned; its images are not the models'."""
    return forged(place, api.plan(spec(*overrides)))


def forged(place: Path, plan: Plan) -> Path:
    make_run(place, plan)
    api.finalize(place)
    return place


def planned(place: Path, plan: Plan) -> Path:
    """One whose images are still to be made."""
    create_run(open_store(place), plan, SPEC)
    return place


def audit(run: Path, **more: Any) -> object:
    """Of attributes that the run's judge was not asked."""
    return api.audit(run, attributes=Path("attributes.yaml"), device="cpu", **more)


def run_for(command: str, place: Path, *overrides: str) -> Path:
    """Of somebody else, as this command takes it."""
    plan = api.plan(spec(*overrides))
    if command == "work":
        return planned(place, plan)
    if command == "replay":  # compares what the models say with what they said
        make_shards(str(planned(place, plan)), [0], "cpu")
        return place
    return forged(place, plan)


OPENING: dict[str, Callable[[Path, bool], object]] = {
    "replay": lambda run, trust: api.replay(run, ID, "cpu", trust=trust),
    "audit": lambda run, trust: audit(run, trust=trust),
    "export": lambda run, trust: api.export_labels(
        run, 2, Path("out"), attributes=Path("attributes.yaml"), device="cpu", trust=trust
    ),
    "work": lambda run, trust: api.work(run, device="cpu", trust=trust),
}


@pytest.mark.parametrize("command", OPENING)
def test_a_run_of_somebody_else_opens_its_models_only_with_trust(user: Path, command: str) -> None:
    run = run_for(command, user / "run")
    with pytest.raises(UsageError, match="names what was never used on this machine") as refused:
        OPENING[command](run, False)
    assert str(run) in refused.value.message
    assert "judge in the folder ./judge (content:" in refused.value.message
    assert "--trust" in (refused.value.hint or "")
    OPENING[command](run, True)


@pytest.mark.parametrize("command", OPENING)
def test_what_ships_with_synthgen_needs_no_trust(user: Path, command: str) -> None:
    OPENING[command](run_for(command, user / "run", "judge.id=bundled:judge"), False)


def stopped(command: Callable[[Callable[[], bool]], object]) -> None:
    with pytest.raises(Interrupted):
        command(lambda: True)


OWN_WORD: dict[str, Callable[[], object]] = {
    "plan -o": lambda: api.begin(spec(), "mine"),
    "run": lambda: stopped(lambda stop: api.run(spec(), "mine", devices="cpu", stop=stop)),
    "preview": lambda: api.preview(spec(), 1, Path("preview.html"), "cpu"),
    "calibrate": lambda: stopped(lambda stop: api.pilot(spec(), Path("pilot"), 1, devices="cpu", stop=stop)),
    "audit --judge": lambda: audit(Path("others"), judges=["local-dir:./judge"]),
    "audit --spec": lambda: api.audit("others", spec=spec("attributes.tint.abstain_below=0.9"), device="cpu"),
}


@pytest.mark.parametrize("command", OWN_WORD)
def test_what_the_user_names_is_known_from_then_on_wherever_it_lies(user: Path, command: str) -> None:
    handed_over(user / "others", "judge.id=bundled:judge" if command.startswith("audit") else "seed=1")
    OWN_WORD[command]()
    shutil.move("judge", "moved")
    api.work(handed_over(user / "run", "judge.id=local-dir:./moved"), device="cpu")


def test_to_look_at_a_spec_or_at_a_run_is_not_to_name_its_models(user: Path) -> None:
    run = handed_over(user / "run")
    api.status(run)
    api.verify(run)
    api.finalize(run)
    with pytest.raises(UsageError, match="never used"):
        api.work(run, device="cpu")
    assert not (user / "cache").exists()


def test_a_name_that_the_user_gives_is_their_word_for_the_runs_own_judge_too(user: Path) -> None:
    run = handed_over(user / "run")
    audit(run, judges=["local-dir:./judge"])
    audit(run)


def test_a_known_judge_does_not_stand_for_another_one_in_its_place(user: Path) -> None:
    api.begin(spec(), "mine")
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
    api.run(spec(), "mine", devices="cpu")
    audit(Path("mine"), judges=["local-dir:./judge"])


def test_a_note_that_is_no_file_of_the_users_own_counts_for_nothing(user: Path) -> None:
    api.begin(spec(), "mine")
    (note,) = (user / "cache/synthgen/models").iterdir()
    note.rename(user / "elsewhere")
    note.symlink_to(user / "elsewhere")
    with pytest.raises(UsageError, match="never used"):
        api.work("mine", device="cpu")


def with_revisions(generator: str | None = None, judge: str | None = None, *overrides: str) -> Plan:
    real = api.plan(spec("model.id=bundled:workers", "judge.id=bundled:judge"))
    found = real.revisions
    return make_plan(spec(*overrides), Revisions(generator or found.generator, judge or found.judge))


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
            api.work(run, device="cpu", trust=trust)
        assert named in refused.value.message


@pytest.mark.parametrize("role", ["model", "judge"])
def test_a_hub_model_is_known_by_the_commit_in_the_cache(user: Path, role: str) -> None:
    names = ("model.id=owner/it", "judge.id=bundled:judge") if role == "model" else ("judge.id=hf-hub:owner/it",)
    run = planned(user / "run", with_revisions(*((COMMIT, None) if role == "model" else (None, COMMIT)), *names))
    with pytest.raises(UsageError, match=f"{role} owner/it from the hub, at commit {COMMIT}"):
        api.work(run, device="cpu")
    snapshot = user / "hub/models--owner--it/snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    with pytest.raises(ModelError):  # opened, and not whole
        api.work(run, device="cpu")


def test_a_folder_with_the_name_of_a_hub_model_is_not_opened_for_it(user: Path) -> None:
    save_stable_diffusion(user / "owner/painter")
    run = planned(user / "run", with_revisions(COMMIT, None, "model.id=owner/painter", "judge.id=bundled:judge"))
    with pytest.raises(UsageError, match="would be opened in its place"):
        api.work(run, device="cpu", trust=True)


HOSTILE = ["code of its own", "code, not trusted", "a text tower of another"]
NAMING: dict[str, Callable[[], object]] = {
    "run": lambda: api.run(spec(), "mine", devices="cpu"),
    "preview": lambda: api.preview(spec(), 1, Path("preview.html"), "cpu"),
    "calibrate": lambda: api.pilot(spec(), Path("pilot"), 1, devices="cpu"),
    "audit --judge": lambda: audit(Path("others"), judges=["local-dir:./judge"]),
}


@pytest.mark.parametrize("ask", HOSTILE)
def test_no_command_runs_the_code_of_a_judge_not_even_with_trust(user: Path, ask: str) -> None:
    handed_over(user / "others", "judge.id=bundled:judge")
    spoil(user / "judge", ASKS[ask], user / "PWNED")
    run = forged(user / "run", api.plan(spec()))
    tasks = planned(user / "tasks", api.plan(spec()))
    commands: list[Callable[[], object]] = [
        *NAMING.values(),
        *(lambda command=command: command(run, True) for name, command in OPENING.items() if name != "work"),
        lambda: api.work(tasks, device="cpu", trust=True),
    ]
    for command in commands:
        with pytest.raises(UsageError, match="is refused") as refused:
            command()
        assert f"judge/{ASKS[ask].file}: " in refused.value.message
        assert ASKS[ask].key in refused.value.message
    assert not (user / "PWNED").exists()


def test_transformers_asks_nobody_whether_to_run_code(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(user / "judge", ASKS["code of its own"], user / "PWNED")
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 9))
    with remote_code_disabled(), pytest.raises(ValueError, match="custom code"):
        AutoTokenizer.from_pretrained(user / "judge")
    assert not (user / "PWNED").exists()


@pytest.mark.parametrize("part", ["tokenizer", "text_encoder", "unet"])
def test_no_code_of_a_generators_parts_is_run(user: Path, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    save_stable_diffusion(user / "painter")
    file = {"tokenizer": "tokenizer_config.json"}.get(part, "config.json")
    for name, more in (
        ("model_index.json", {part: ["evil", "Part"] if part == "unet" else ["transformers", "AutoModel"]}),
        (f"{part}/{file}", {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Part", "AutoModel": "evil.Part"}}),
    ):
        path = user / "painter" / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **more}))
    code = f"import pathlib; pathlib.Path({str(user / 'PWNED')!r}).write_text('ran')\n"
    for folder in ("painter", f"painter/{part}"):
        (user / folder / "evil.py").write_text(code)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 9))
    with pytest.raises(ModelError, match="cannot be loaded"):
        api.preview(spec("model.id=./painter"), 1, Path("preview.html"), "cpu")
    assert not (user / "PWNED").exists()


def command_line(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """As somebody with a home of their own has it."""
    text = SPEC.replace("owner/name, steps: 20", "'bundled:workers', steps: 1").replace("26, chef: 12, farmer: 7", "2")
    Path("spec.yaml").write_text(f"{text}judge: {{id: 'local-dir:./judge'}}\n")
    environment = {"HF_HOME": str(Path("home").absolute()), "HF_HUB_DISABLE_XET": "1", **environment}
    command = [sys.executable, "-m", "synthgen", *map(str, arguments)]
    settings = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=settings)


def test_the_command_line_asks_for_trust_once_and_takes_it_from_the_environment_too(user: Path) -> None:
    run, tasks = handed_over(user / "run"), planned(user / "tasks", api.plan(spec()))
    refused = command_line("work", tasks, "--index", 0, "--of", 1)
    assert (refused.returncode, "Traceback" in refused.stderr) == (2, False)
    assert "the judge in the folder ./judge (content:" in refused.stderr
    assert command_line("work", tasks, "--index", 0, "--of", 1, SYNTHGEN_TRUST="1").returncode == 0
    assert command_line("replay", tasks, ID, "--device", "cpu").returncode == 2
    assert command_line("replay", tasks, ID, "--device", "cpu", "--trust").returncode == 0
    assert command_line("audit", run, "--attributes", "attributes.yaml", "--trust").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("ask", ["code of another", "a text tower of another", "an image tower of another"])
def test_a_judge_of_the_hub_opens_no_second_repository(user: Path, ask: str) -> None:
    (user / "models").mkdir()
    shutil.move("judge", "models/judge")
    spoil(user / "models/judge", ASKS[ask], user / "PWNED")
    shutil.copytree("models/judge", "models/code")
    with serve(user / "models") as hub:
        online = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url}
        named = ("--set", "judge.id=hf-hub:owner/judge")
        refused = [
            command_line("preview", "spec.yaml", *named, **online),
            command_line("run", "spec.yaml", *named, "-o", "run", "--devices", "cpu:2", **online),
        ]
        fresh = {"XDG_CACHE_HOME": str(user / "fresh"), "HF_HOME": str(user / "fresh"), **online}
        hub.asked.clear()
        untrusted = command_line("work", "run", "--index", 0, "--of", 1, **fresh)
        assert hub.asked == set(), "nothing is asked of the hub without trust"
        assert untrusted.returncode == 2
        assert f"judge owner/judge from the hub, at commit {COMMIT}" in untrusted.stderr
        refused.append(command_line("work", "run", "--index", 0, "--of", 1, "--trust", **fresh))
        for ended in refused:
            assert ended.returncode == 2, ended.stderr
            assert ASKS[ask].key in ended.stderr
            assert ASKS[ask].file in ended.stderr
        assert [path for path in hub.asked if "code" in path] == []
    assert not (user / "PWNED").exists()


def test_a_commit_that_a_run_names_is_not_the_word_of_who_names_the_judge(user: Path) -> None:
    """It may be anybody's: pull requests on the hub have commits too."""
    run = forged(user / "run", with_revisions(None, COMMIT, "judge.id=hf-hub:owner/judge"))
    with pytest.raises(UsageError, match="never used"):
        audit(run, judges=["hf-hub:owner/judge"])
    with pytest.raises(SynthgenError, match="cannot be downloaded"):
        audit(run, judges=["hf-hub:owner/judge"], trust=True)
