"""What three newcomers type: forty command lines, right and wrong, each in a process of its own.

One merges synthetic with real images, one runs specs in pipelines, one audits. The terminal is no terminal, 80 columns
wide, and its locale is POSIX. Every command line prints the envelope of `--json`; none shows a traceback, and none what
a library says.
"""

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import envelope
from tests.warm import WarmServer

LOCALE = {"COLUMNS": "80", "LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}

SPEC = """\
synthgen: 1
name: mine
model: {id: "bundled:workers", steps: 3}
classes: {chef: 3, doctor: 3}
prompts: {templates: ["a {class}", "a {class} with glasses"]}
filters: {quality: {}}
output: {shard_size: 6}
"""
ATTRIBUTES = "attributes: {tone: {values: {light: [light skin], dark: [dark skin]}}}\n"
LIST = "id,label,tone\n" + "".join(
    f"i{n},{('chef', 'doctor')[n % 2]},{'light' if n % 3 else 'dark'}\n" for n in range(30)
)
BAD = SPEC.replace("steps: 3", "stepz: 3").replace("chef: 3", "chef: three")

NOISE = re.compile(
    r"Traceback|Warning:|Retry|retrying|HEAD http|huggingface\.co|transformers|diffusers|it/s\]|\d+%\|", re.IGNORECASE
)

# In this order: later lines use what earlier ones made.
LINES = [
    # The first: from nothing to images of her own classes.
    ("doctor", 0, ""),
    ("init starter.yaml", 0, ""),
    ("init starter.yaml", 2, "exists already"),
    ("validate starter.yaml mine.yaml", 0, ""),
    ("validate - < mine.yaml", 0, ""),
    ("validate bad.yaml mine.yaml nowhere.yaml", 2, "did you mean 'steps'"),
    ("validate min.yaml", 2, "Did you mean mine.yaml?"),
    ("validate mine.yaml --set model.steps=ten", 2, "--set"),
    ("plan mine.yaml", 0, ""),
    ("plan - --set classes.chef=30 < mine.yaml", 0, ""),
    ("plan mine.yaml --extend", 2, "--output"),
    ("preview mine.yaml --count 4 --output look.html", 0, ""),
    ("preview mine.yaml -n 0", 2, "--count"),
    ("preview mine.yaml --device tpu", 2, "--device"),
    ("run mine.yaml --output outputs/mine", 0, ""),
    ("run mine.yaml -o outputs/mine", 0, ""),
    ("run mine.yaml -o outputs/mine --set seed=7", 2, "seed: 0 -> 7"),
    ("run mine.yaml -o outputs/none --set filters.label.min_posterior=1 --set budget.attempts_per_image=1", 3, ""),
    ("run mine.yaml --outputs foo", 2, "No such option"),
    ("run mine.yaml -o outputs/new --devices cuda:7", 2, "--devices"),
    ("run mine.yaml -o outputs/new --address 10.0.0.1:6379", 2, "--executor ray"),
    ("run mine.yaml -o outputs/new --set model.id=./nowhere", 2, "nowhere"),
    ("run mine.yaml -o outputs/new --set judge.id=nonsense", 2, "nonsense"),
    # The second: pipelines and schedulers.
    ("plan mine.yaml -o outputs/array --set output.shard_size=3", 0, ""),
    ("work outputs/array --index 0 --of 2", 0, ""),
    ("work outputs/array --index 5 --of 2", 2, "--index"),
    ("work outputs/array", 2, "--index"),
    ("finalize outputs/array", 2, "1 of 2 shards"),
    ("status outputs/array", 0, ""),
    ("status outputs/nowhere", 2, "plan.json"),
    ("status mine.yaml", 2, "plan.json"),
    ("verify outputs/mine", 0, ""),
    ("repair outputs/mine", 0, ""),
    ("replay outputs/mine 00000-000000", 0, ""),
    ("replay outputs/mine 99999-000000", 2, "99999-000000"),
    ("rejudge outputs/mine -o outputs/sharper --set filters.label.min_posterior=0.01", 0, ""),
    ("calibrate mine.yaml --labels a.csv --keep 0.5", 2, "either --labels or --keep"),
    ("schema --result", 0, ""),
    # The third: audits of sets of her own.
    ("audit list.csv --known tone=tone -o outputs/audit", 0, ""),
    ("audit list.csv --known tone=nowhere", 2, "nowhere"),
    ("audit list.csv -o outputs/bare", 0, ""),
    ("audit list.csv --target tone=uniform", 2, "--known"),
    ("audit list.csv --known tone=tone --gate 'tone: v <= 0.000001' -o outputs/gated", 4, ""),
    ("audit outputs/nowhere --known tone=tone", 2, "outputs/nowhere"),
    ("audit outputs/mine --attributes attributes.yaml --export-labels 4 -o outputs/labels", 0, ""),
    ("", 2, ""),
    ("nonsense", 2, "No such command"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    for name, text in {
        "mine.yaml": SPEC,
        "bad.yaml": BAD,
        "list.csv": LIST,
        "attributes.yaml": ATTRIBUTES,
    }.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[WarmServer]:
    server = WarmServer({**os.environ, **LOCALE})
    yield server
    server.end()


@pytest.mark.parametrize(("line", "code", "words"), LINES, ids=[line or "nothing" for line, _, _ in LINES])
def test_a_command_line_ends_as_it_should(server: WarmServer, home: Path, line: str, code: int, words: str) -> None:
    command, _, stdin = line.partition(" < ")
    arguments = [*shlex.split(command), "--json"]
    done = server.run(arguments, home, variables={**os.environ, **LOCALE}, stdin=home / stdin if stdin else None)
    said = done.stderr.decode("ascii")
    assert done.returncode == code, said
    found = envelope(done.stdout.decode("ascii"))
    assert (found["ok"], found["exit_code"]) == (code == 0, code)
    assert found["command"] in (line.partition(" ")[0], "")
    assert bool(found["errors"]) == (code != 0)
    assert (found["result"] is not None) or code != 0

    problem = next((match.string for match in map(NOISE.search, said.splitlines()) if match), None)
    assert problem is None
    told = "\n".join(f"{each['file']} {each['argument']} {each['message']} {each['hint']}" for each in found["errors"])
    assert words in told
    lines = said.splitlines()
    begun = next((number for number, each in enumerate(lines) if each.startswith('{"time"')), len(lines))
    for each in lines[begun:]:  # JSON Lines, once they have begun, and nothing else
        assert {"time", "event", "run"} <= json.loads(each).keys()
