"""What a plan's author should know: templates that are never drawn, and cells with few images per shard."""

from pathlib import Path

import synthgen
from synthgen.api.planning import shard_notes, steering_notes
from synthgen.spec import parse_spec
from tests.command import call

SPEC = """
synthgen: 1
name: test
model: {id: bundled:workers}
classes: {doctor: 12, chef: 12}
prompts:
  templates: ["a {class}", "a {class} with {skin} skin"]
  variables: {skin: [light, dark]}
attributes: {skin: {values: {light: [light skin], dark: [dark skin]}, variable: skin}}
balance: [{attribute: skin}]
"""
NOTE = "never drawn: 'a {class}' lacks {skin}, by which other templates steer `balance`"


def test_a_template_that_is_never_drawn_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    assert steering_notes(parse_spec(SPEC)) == [NOTE]
    (tmp_path / "spec.yaml").write_text(SPEC)
    assert "never drawn: 'a {class}' lacks {skin}" in call("validate", "spec.yaml", folder=tmp_path).stdout


def test_shards_too_small_for_their_cells_are_noted() -> None:
    small = parse_spec(SPEC, overrides=["output.shard_size=6"])
    assert ["output.shard_size" in note for note in shard_notes(synthgen.plan(small))] == [True]
    assert not shard_notes(synthgen.plan(parse_spec(SPEC)))
    assert not shard_notes(synthgen.plan(parse_spec(SPEC, overrides=["output.shard_size=12"])))
