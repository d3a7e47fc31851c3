"""A long run takes no more memory than a short one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, sys
from pathlib import Path
import synthgen

resident = {}

def on_progress(progress):
    if isinstance(progress, synthgen.Progress) and progress.committed:
        status = Path("/proc/self/status").read_text().split()
        resident[progress.shard] = int(status[status.index("VmRSS:") + 1])

spec = synthgen.load_spec(Path(sys.argv[1]))
synthgen.begin(spec, Path(sys.argv[2]))
synthgen.work(Path(sys.argv[2]), device="cpu", on_progress=on_progress)
print(json.dumps(resident))
"""
SPEC = """\
synthgen: 1
name: long
model: {id: "bundled:workers", steps: 1}
classes: {chef: 51, doctor: 51}
prompts: {templates: ["a {class}"]}
filters: {label: {min_posterior: 0.01}}
output: {shard_size: 2, rejects: {keep: images}}
"""


@pytest.mark.slow
def test_memory_does_not_grow_from_the_fifth_shard_to_the_fiftieth(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "spec.yaml"), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=True)
    resident = {int(shard): kilobytes for shard, kilobytes in json.loads(done.stdout).items()}
    assert resident[50] - resident[5] < 10_000, resident
