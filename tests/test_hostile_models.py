"""No code that comes with a model is run, and no second repository is asked: with the user's word neither."""

import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoTokenizer

import synthgen
from synthgen.errors import ModelError, UsageError
from synthgen.models.remote_code import remote_code_disabled
from tests.generating.tiny import save_stable_diffusion
from tests.handed_over import OPENING, audit, command_line, forged, handed_over, planned, spec
from tests.hub import COMMIT, serve
from tests.judging.hostile import ASKS, spoil

HOSTILE = ["code of its own", "code, not trusted", "a text tower of another"]
NAMING: dict[str, Callable[[], object]] = {
    "run": lambda: synthgen.run(spec(), "mine", devices="cpu"),
    "preview": lambda: synthgen.preview(spec(), 1, Path("preview.html"), "cpu"),
    "calibrate": lambda: synthgen.pilot(spec(), Path("pilot"), 1, devices="cpu"),
    "audit --judge": lambda: audit(Path("others"), judges=["local-dir:./judge"]),
}


@pytest.mark.parametrize("ask", HOSTILE)
def test_no_command_runs_the_code_of_a_judge_not_even_with_trust(user: Path, ask: str) -> None:
    handed_over(user / "others", "judge.id=bundled:judge")
    spoil(user / "judge", ASKS[ask], user / "PWNED")
    run = forged(user / "run", synthgen.plan(spec()))
    tasks = planned(user / "tasks", synthgen.plan(spec()))
    commands: list[Callable[[], object]] = [
        *NAMING.values(),
        *(lambda command=command: command(run, True) for name, command in OPENING.items() if name != "work"),
        lambda: synthgen.work(tasks, device="cpu", trust=True),
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
    if part == "tokenizer":  # it has weights, as the class that is named would
        shutil.copy(user / "painter/text_encoder/model.safetensors", user / "painter/tokenizer")
    code = f"import pathlib; pathlib.Path({str(user / 'PWNED')!r}).write_text('ran')\n"
    for folder in ("painter", f"painter/{part}"):
        (user / folder / "evil.py").write_text(code)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 9))
    with pytest.raises(ModelError, match="cannot be loaded"):
        synthgen.preview(spec("model.id=./painter"), 1, Path("preview.html"), "cpu")
    assert not (user / "PWNED").exists()


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("unet/a.safetensors.index.json", {"weight_map": {"x": "../../other.safetensors"}}, "weight_map names '../"),
        ("unet/a.safetensors.index.json", {"weight_map": {"x": "/other.safetensors"}}, "weight_map names '/other"),
        ("unet/adapter_config.json", {"base_model_name_or_path": "owner/other"}, "an adapter names another model"),
    ],
)
def test_a_generators_files_lead_nowhere_else(user: Path, file: str, content: object, told: str) -> None:
    save_stable_diffusion(user / "painter")
    (user / "painter" / file).write_text(json.dumps(content))
    with pytest.raises(UsageError, match=re.escape(told)):
        synthgen.preview(spec("model.id=./painter"), 1, Path("preview.html"), "cpu")


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param("code of another", marks=pytest.mark.slow),
        pytest.param("a text tower of another", marks=pytest.mark.sweep),
        pytest.param("an image tower of another", marks=pytest.mark.sweep),
    ],
)
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
