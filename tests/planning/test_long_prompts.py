"""A prompt that a CLIP text encoder cannot read whole is told before anything is made."""

from pathlib import Path

import pytest

from synthgen.planning.long_prompts import fewest_tokens, long_prompts
from synthgen.planning.weighted_phrases import weighted_phrases
from synthgen.spec import parse_spec
from tests.command import call

SPEC = """synthgen: 1
name: long
model: {id: owner/name}
classes: {doctor: 1, chef: 1}
prompts:
  templates: ["a {class}"]
"""
LONG = "very " * 74


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (f"prompts.templates=['{LONG}{{class}}']", ""),  # 75 tokens
        (f"prompts.templates=['a {LONG}{{class}}']", "prompts have 76 or more tokens"),
        (f"classes.chef={{count: 1, templates: ['{LONG}a {{class}}']}}", "prompts have 76 or more tokens"),
        (
            f"prompts={{templates: ['{{class}} {{how}}'], variables: {{how: [so, '{LONG}so']}}}}",
            "prompts have 76 or more",
        ),
        (f"classes.chef={{count: 1, definition: '{LONG}good cook'}}", "a definition has 76 or more tokens"),
        (f"attributes.a={{values: {{b: ['{LONG}good one'], c: [c]}}}}", "a definition has 76 or more tokens"),
    ],
)
def test_texts_that_are_too_long_are_told(override: str, told: str) -> None:
    found = list(long_prompts(parse_spec(SPEC, overrides=[override])))
    assert [each[: len(told)] for each in found] == ([told] if told else [])


def test_phrases_that_look_weighted_are_told_wherever_they_are() -> None:
    spec = """classes={doctor: 1, chef: {count: 1, templates: ["a (chef: .5)"]}}"""
    others = [
        "prompts.templates=['a {class}, (red hat:1.3) {how} (1:2 scale) (a: b)']",
        "prompts.variables={how: ['(so:1.1)']}",
    ]
    overrides = [spec, *others, "model.negative_prompt='(blurry:1.2)'"]
    (told,) = weighted_phrases(parse_spec(SPEC, overrides=overrides))
    assert told.startswith("'(red hat:1.3)' and 3 more look weighted, which no pipeline of diffusers reads")
    assert not list(weighted_phrases(parse_spec(SPEC)))


@pytest.mark.parametrize(
    "text",
    [
        "a photo of a chef, 35 mm",
        "caf\u00e9 in 1968!?",
        "don't re-enact 'it'",
        "\u5e2b \u0645\u062f\u06cc\u0631",
        "a_b ... <|x|>",
        "it's they'll",
    ],
)
def test_no_text_has_fewer_tokens_by_clips_own_tokenizer(text: str) -> None:
    from open_clip.tokenizer import SimpleTokenizer

    assert 0 < fewest_tokens(text) <= len(SimpleTokenizer().encode(text))


@pytest.mark.parametrize("command", [("plan",), ("validate", "--models")])
def test_a_plan_and_a_check_of_models_refuse_what_a_model_that_is_here_would_cut(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("owner/name", "bundled:workers"))
    done = call(*command, "spec.yaml", "--set", f"prompts.templates=['{LONG}very {{class}}']", folder=tmp_path)
    told = " ".join(done.stderr.split())
    assert done.returncode == 2
    assert " would be cut off: the text encoder of `tokenizer` reads 32" in told
