"""How much a judge reads of a text: found without its weights, at the commit that a plan pins."""

import json
from pathlib import Path

import pytest
from huggingface_hub import constants

from synthgen.api.text_notes import judge_notes, long_judge_texts
from synthgen.bundled import JUDGE
from synthgen.judging.reading import reading_of
from synthgen.spec import parse_spec

OLD, NEW = "a" * 40, "b" * 40
SPEC = """
synthgen: 1
name: judged
model: {id: "bundled:workers"}
judge: {id: ID}
classes: {doctor: {count: 1, prompts: [a picture of a doctor with a long red hat]}, chef: 1}
prompts: {templates: ["a {class}"]}
"""


def cached(cache: Path, name: str, commit: str, **text_cfg: object) -> None:
    folder = cache / f"models--{name.replace('/', '--')}"
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots" / commit / "tokenizer.json").write_bytes((JUDGE / "tokenizer.json").read_bytes())
    config = {"model_cfg": {"text_cfg": text_cfg}}
    (folder / "snapshots" / commit / "open_clip_config.json").write_text(json.dumps(config))


def test_a_judge_of_the_hub_is_read_at_the_commit_of_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    cached(tmp_path, "owner/judge", OLD, context_length=77, hf_tokenizer_name="owner/judge")
    cached(tmp_path, "owner/judge", NEW, context_length=8, hf_tokenizer_name="owner/judge")
    spec = parse_spec(SPEC.replace("ID", "hf-hub:owner/judge"))
    assert not list(long_judge_texts(spec, OLD))
    (found,) = long_judge_texts(spec, NEW)
    assert found.path == ("classes", "doctor", "prompts", 0)
    assert "would be cut off: the judge hf-hub:owner/judge reads 8" in found.message
    assert not judge_notes(spec, NEW)

    for nowhere in ("c" * 40, None):
        assert not list(long_judge_texts(spec, nowhere))
        (note,) = judge_notes(spec, nowhere)
        assert "were not counted: the tokenizer of hf-hub:owner/judge is not here" in note


def test_a_listed_judge_with_a_tokenizer_of_the_hub_is_counted_where_that_is_here_and_told_where_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    spec = parse_spec(SPEC.replace("ID", "ViT-SO400M-14-SigLIP/webli"))
    assert len(judge_notes(spec)) == 1
    cached(tmp_path, "timm/ViT-B-16-SigLIP", OLD)
    found = reading_of("ViT-SO400M-14-SigLIP/webli")
    assert found is not None
    assert found.limit == 16
    assert found.cut("doctor " * 13 + "- . _ ! ?" * 20) is None  # open_clip leaves marks out before it counts
    assert found.cut("doctor " * 20) is not None
    assert not judge_notes(spec)
