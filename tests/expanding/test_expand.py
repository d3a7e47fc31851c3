"""`synthgen expand`, through the real command line: a server on this machine, and small language models."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

import synthgen
from synthgen.expanding.endpoint import origin_of
from synthgen.planning import Plan, draw_candidate
from tests.command import command_line, result
from tests.expanding.endpoint import Answer, said, serving
from tests.expanding.tiny_writer import save_random, save_taught

SPEC = """
synthgen: 1
name: trades
model: {id: "bundled:workers"}
classes: {doctor: 4, chef: 4}
attributes: {skin: {values: {light: [light skin], dark: [dark skin]}, variable: skin}}
balance: [{attribute: skin}]
prompts:
  variables: {skin: [light, dark]}
  expand: {file: trades.json, n: 3, WRITER}
"""
PLACES = ("garden", "street", "harbour", "forest", "station", "office", "beach")


def write(folder: Path, writer: str, text: str = SPEC) -> Path:
    (folder / "spec.yaml").write_text(text.replace("WRITER", writer))
    return folder / "spec.yaml"


def good(request: Mapping[str, Any], number: int) -> Answer:
    """Answer as a model does that follows its instructions, with some that does not."""
    asked = request["messages"][1]["content"]
    kind = re.search(r"pictures of: (\w+)", asked)
    values = re.findall(r'contains "(\w+)" \(skin\)', asked)
    assert kind is not None
    name, skin = kind[1], values[0] if values else "plain"
    texts = [f"{skin} {name}, {place} {{{number}}}" for place in PLACES]
    strange = [7, f"{skin} {name} and {'chefs' if name == 'doctor' else 'doctors'}", f"{skin} somebody", name]
    return said(f"Here you go:\n```json\n{json.dumps([texts[0], *strange, *texts])}\n```")


def endpoint(address: str) -> str:
    return f'endpoint: "{address}", name: tiny'


def test_an_endpoint_is_asked_once_and_the_plan_keeps_what_it_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(good) as server:
        spec = write(tmp_path, endpoint(server.address))
        assert command_line(["plan", str(spec)]) == 2
        assert "`synthgen expand` asks the model" in capsys.readouterr().err
        assert not server.requests  # only `expand` asks

        assert command_line(["expand", str(spec), "--json"]) == 0
        found = result(capsys.readouterr().out)
        asked = len(server.requests)
        assert [request["path"] for request in server.requests] == ["/v1/chat/completions"] * asked
        assert "Authorization" not in server.headers[0]
        assert command_line(["expand", str(spec), "--json"]) == 0
        assert result(capsys.readouterr().out)["requests"] == 0
        assert len(server.requests) == asked

    assert found["model"] == "tiny-writer-1"
    assert found["requests"] == asked == 4
    assert [(cell["class"], cell["values"]["skin"], len(cell["prompts"])) for cell in found["cells"]] == [
        ("doctor", "light", 3), ("doctor", "dark", 3), ("chef", "light", 3), ("chef", "dark", 3)
    ]  # fmt: skip
    assert found["cells"][0]["refused"] == {
        "without text": 1,
        "naming another class": 1,
        "not naming their class": 1,
        "not saying the value that they are for": 1,
        "repeating another one": 1,
    }

    planned = synthgen.plan(spec)
    text = planned.to_json()
    assert "tiny-writer-1" in text
    assert str(tmp_path) not in text
    assert "127.0.0.1" not in text
    for cell in planned.cells:
        drawn = {draw_candidate(planned, 0, attempt, cell).prompt for attempt in range(40)}
        skin = dict(cell.values)["skin"]
        assert len(drawn) == 3
        assert all(f"{skin} {cell.class_name}, " in prompt for prompt in drawn)
    assert re.fullmatch(r"\w+ \w+, \w+ \{[0-9]\}", next(iter(drawn)))  # braces are braces
    (tmp_path / "trades.json").unlink()
    assert Plan.from_json(text).fingerprint == planned.fingerprint


def slowly(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte now and then."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(40):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


FAULTS: dict[str, tuple[Callable[..., Any], int, str]] = {
    "silent": (lambda *_: lambda handler: time.sleep(3), 5, "gave no whole answer in 1 s"),
    "slow": (lambda *_: slowly, 5, "gave no whole answer in 1 s"),
    "web page": (lambda *_: (200, {}, b"<html>hello\x1b[2J</html>"), 2, "answered what no OpenAI-compatible"),
    "other json": (lambda *_: (200, {}, b'{"choices": []}'), 2, "answered what no OpenAI-compatible"),
    "huge": (lambda *_: (200, {}, b"[" * 5_000_000), 2, "more than 4 MiB"),
    "busy": (lambda *_: (429, {"Retry-After": "0"}, b""), 5, "answered 429, 4 times"),
    "broken": (lambda *_: (500, {"Retry-After": "0"}, b'{"error": {"message": "no GPU"}}'), 5, "500: no GPU, 4 times"),
    "redirect": (lambda *_: (302, {"Location": "http://127.0.0.1:9/"}, b""), 2, "which is not followed"),
    "no model": (lambda *_: (404, {}, b'{"error": "no model tiny"}'), 2, "404: no model tiny"),
    "refusal": (lambda *_: said(None), 2, "0 of 3 in 3 requests; 3 without text"),
    "nonsense": (
        lambda *_: said("blah\nblah blah\n{0.__class__}"),
        2,
        "0 of 3 in 3 requests; 9 not naming their class",
    ),
    "one idea": (lambda *_: said('["a light dark doctor", "a dark, light Doctor"]'), 2, "1 of 3 in 4 requests"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_an_endpoint_does_wrong_is_said(fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer, code, message = FAULTS[fault]
    with serving(answer) as server:
        spec = write(tmp_path, endpoint(server.address) + ", timeout: 1")
        assert command_line(["expand", str(spec), "--quiet"]) == code
        shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert "\x1b" not in shown
    if fault in ("busy", "broken"):
        assert len(server.requests) == 4


def test_an_endpoint_that_is_down_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(good) as server:
        spec = write(tmp_path, endpoint(server.address))
    assert command_line(["expand", str(spec), "--quiet"]) == 5
    assert "cannot be reached" in capsys.readouterr().err


def test_a_busy_endpoint_is_asked_again_and_the_rest_is_asked_for_later(tmp_path: Path) -> None:
    def answer(request: Mapping[str, Any], number: int) -> Answer:
        if number == 0:
            return 429, {"Retry-After": "0"}, b""
        return good(request, number) if number < 3 else (400, {}, b"")

    with serving(answer) as server:
        spec = write(tmp_path, endpoint(server.address))
        with pytest.raises(synthgen.ModelError, match="400"):
            synthgen.expand(spec)
    with serving(good) as server:
        write(tmp_path, endpoint(server.address))
        found = synthgen.expand(spec)
        assert len(server.requests) == found.requests == 2
        assert found.total == 12


def test_a_key_is_sent_only_if_the_user_says_so_and_never_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "very-secret-value")
    with serving(lambda *_: (401, {}, b'{"error": "wrong key very-secret-value"}')) as server:
        spec = write(tmp_path, endpoint(server.address))
        assert command_line(["expand", str(spec), "--quiet"]) == 2
        assert command_line(["expand", str(spec), "--quiet", "--key-from", "MINE"]) == 2
        assert [headers.get("Authorization") for headers in server.headers] == [None, "Bearer very-secret-value"]
    assert command_line(["expand", str(spec), "--quiet", "--key-from", "NOT_SET"]) == 2
    shown = capsys.readouterr().err
    assert "wrong key ***" in shown
    assert "--key-from: the environment variable NOT_SET is not set" in shown


@pytest.mark.parametrize(
    "address", ["https://api.example.com/v1", "http://10.0.0.7:80/v1", "http://localhost.example.com/v1"]
)
def test_an_endpoint_elsewhere_needs_the_users_word(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = write(tmp_path, endpoint(address))
    assert command_line(["expand", str(spec), "--quiet", "--allow", "https://api.example.org"]) == 2
    assert f"--allow {origin_of(address)}" in capsys.readouterr().err


@pytest.mark.slow
def test_a_small_language_model_on_this_machine_writes_prompts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"a {name} in the {place}" for place in PLACES[:3] for name in ("doctor", "chef")]
    folder = save_taught(
        tmp_path / "writer", ["Prompts for pictures of doctor.\n1.", "Prompts for pictures of chef.\n1."], lines
    )
    text = re.sub(r"attributes.*\nbalance.*\n|  variables.*\n", "", SPEC)
    spec = write(tmp_path, "model: ./writer, temperature: 0.2", text)
    found = synthgen.expand(spec, device="cpu")
    assert found.model == "writer"
    assert found.revision is not None
    assert found.revision.startswith("content:")
    texts = {cell.of: set(cell.texts) for cell in found.cells}
    assert texts == {name: {f"a {name} in the {place}" for place in PLACES[:3]} for name in ("doctor", "chef")}
    assert synthgen.expand(spec, again=True, device="cpu").cells == found.cells  # by its seed

    save_random(tmp_path / "random")
    spec = write(tmp_path, "model: ./random, allow_fewer: true", text.replace("trades.json", "other.json"))
    capsys.readouterr()
    assert command_line(["expand", str(spec), "--device", "cpu", "--quiet"]) == 2
    shown = capsys.readouterr().err
    assert re.search(r"random gave too few prompts that can be used:\ndoctor: 0 of 3 in 3 requests; [0-9]+ ", shown)
    assert folder.is_dir()
    assert (tmp_path / "other.json").is_file()


def test_what_a_language_model_may_not_ask_for_is_said_of_a_language_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_random(tmp_path / "random")
    settings = json.loads((tmp_path / "random/config.json").read_text())
    (tmp_path / "random/config.json").write_text(json.dumps({**settings, "auto_map": {"AutoModel": "code.Model"}}))
    spec = write(tmp_path, "model: ./random")
    assert command_line(["expand", str(spec), "--device", "cpu", "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "auto_map: this setting is not allowed" in said
    assert "language model" in said
    assert "judge" not in said


def test_a_file_that_was_changed_or_asked_for_otherwise_is_refused_and_a_blocked_prompt_is_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(good) as server:
        spec = write(tmp_path, endpoint(server.address))
        synthgen.expand(spec)
        for key, told in (
            ("temperature=0.5", "temperature: 1.0, and not 0.5"),
            ("name=big", "name: 'tiny', and not 'big'"),
            ("n=4", "has 3 of 4 prompts for 'doctor, skin=light'"),
        ):
            assert command_line(["validate", str(spec), "--set", f"prompts.expand.{key}"]) == 2
            assert told in capsys.readouterr().err
        block = ["--set", "safety.block=[street]"]
        assert command_line(["validate", str(spec), *block]) == 2
        assert "which contains the blocked 'street': `synthgen expand` asks" in capsys.readouterr().err
        assert command_line(["expand", str(spec), *block]) == 0
        assert "removed   4 prompts" in capsys.readouterr().out
        assert command_line(["validate", str(spec), *block]) == 0

    file = tmp_path / "trades.json"
    file.write_text(file.read_text().replace("garden", "cellar"))
    assert command_line(["validate", str(spec)]) == 2
    assert "its sha256 is not the one that it was written with" in capsys.readouterr().err


def test_combinatorial_sampling_exhausts_them_beside_templates(tmp_path: Path) -> None:
    with serving(good) as server:
        text = SPEC.replace("prompts:\n", "prompts:\n  sampling: combinatorial\n  templates: ['a {skin} {class}']\n")
        spec = write(tmp_path, endpoint(server.address), text)
        synthgen.expand(spec)
    planned = synthgen.plan(spec)
    cell = planned.cells[0]
    drawn = Counter(draw_candidate(planned, 0, turn, cell, turn=turn).prompt for turn in range(8))
    assert set(drawn.values()) == {2}
    assert len(drawn) == 4
    assert "a light doctor" in drawn
