"""`synthgen plan` shows how large every split will be."""

from pathlib import Path

import pytest

from tests.command import call

SPEC = """\
synthgen: 1
name: small
model: {{id: "bundled:workers"}}
classes: {{{classes}}}
prompts: {{templates: ["a {{class}}"]}}
output: {{splits: {{train: 0.75, test: 0.25}}}}
"""
MANY = ["doctor", "nurse", "chef", "builder", "farmer", "police officer"]


@pytest.mark.parametrize(
    ("classes", "splits"),
    [
        ("doctor: 8, chef: 4", "train 9 (doctor 6, chef 3); test 3 (doctor 2, chef 1)"),
        (", ".join(f"{name}: 4" for name in MANY), "train 18, test 6"),
    ],
)
def test_the_plan_shows_the_splits_and_their_classes_where_the_line_has_room(
    classes: str, splits: str, tmp_path: Path
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.format(classes=classes))
    done = call("plan", "spec.yaml", folder=tmp_path)
    assert f"\nsplits    {splits}\n" in done.stdout
