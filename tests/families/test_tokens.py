"""Texts that would be cut are refused with what would fall, through the real command line and without weights."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import diffusers
import open_clip
import pytest
import torch
import yaml
from tokenizers.normalizers import Sequence
from transformers import AutoTokenizer

import synthgen
from synthgen.bounded import read_object
from synthgen.bundled import GENERATOR
from synthgen.families.call import PipelineCall
from synthgen.families.encoders import Encoder, around, encoders_of, is_lower, limit_of
from synthgen.families.resolve import call_of
from synthgen.families.tokens import Counter, clip_tokenizer, length_of, tokenizer_of
from synthgen.spec import ModelSpec
from tests.command import command_line
from tests.generating.families import FAMILIES

TEXTS = ("a chef", "A Photo of a chef's knife, 35 mm!! déjà  vu 日本 😀", "x" * 50, "", "a\nb")
LONG = " ".join(["a red hat"] * 12)
"""60 tokens of the bundled model's and 2 marks, of which the small encoders read 32: the half, without a mark."""
SHORT_OF_TOKENS = ("qwen-image", "krea2", "ovis", "hunyuan-image", "kandinsky5", "dreamlite", "dreamlite-mobile")
"""They drop as many tokens as the published tokenizer makes of their template; the small one makes more."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tokens")
    FAMILIES["stable-diffusion"].save(root / "sd")
    FAMILIES["stable-diffusion-3"].save(root / "sd3")
    return root


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def write(model: str = "sd", template: str = "one {class}", more: Mapping[str, object] = {}) -> None:
    spec = {
        "synthgen": 1,
        "name": "tiny",
        "model": {"id": f"./{model}", "steps": 1, "size": 32, "guidance": 3.0, **more},
        "judge": {"id": "bundled:judge"},
        "classes": {"doctor": 1, "chef": 1},
        "prompts": {"templates": ["a {class}", template], "variables": {"place": ["a hat", LONG]}},
    }
    if "{place}" not in template:
        del spec["prompts"]["variables"]  # type: ignore[attr-defined]
    Path("spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False, width=1000))


def line_of(text: str) -> int:
    return next(at for at, line in enumerate(Path("spec.yaml").read_text().splitlines(), 1) if text in line)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


@pytest.mark.parametrize("command", [["plan"], ["validate", "--models"], ["run"], ["preview", "-n", "1"]])
def test_a_prompt_that_would_be_cut_is_refused_with_its_place_tokens_limit_and_words(
    here: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write(template="a {class} with {place} at night")
    assert command_line([*command, "spec.yaml"]) == 2
    told = said(capsys)
    assert f"spec.yaml:{line_of('{place}')}:" in told
    assert "prompts.templates.1: a prompt of the class doctor has " in told
    assert "and 'hat a red hat" in told
    assert "at night' would be cut off: the text encoder of `tokenizer` reads 32" in told
    assert not Path("outputs").exists()


def test_a_prompt_goes_to_the_encoder_that_has_room_and_a_note_says_so(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("sd3", "a {class} with {place}")
    assert command_line(["plan", "spec.yaml"]) == 0
    assert "of which tokenizer, tokenizer_2 reads the beginning; tokenizer_3 reads all of them" in said(capsys)

    write("sd3", "a {class} with {place}", {"max_sequence_length": 40})
    assert command_line(["plan", "spec.yaml"]) == 2
    assert "would be cut off: the text encoder of `tokenizer_3` reads 40" in said(capsys)


def test_a_negative_prompt_and_the_texts_of_the_judge_are_counted_too(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(more={"negative_prompt": LONG})
    assert command_line(["plan", "spec.yaml"]) == 2
    told = said(capsys)
    assert f"spec.yaml:{line_of('negative_prompt')}:" in told
    half = " ".join(["a red hat"] * 6)
    assert f"model.negative_prompt: it has 62 tokens, and '{half}' would be cut off" in told

    write()
    text = Path("spec.yaml").read_text()
    portrait = "a portrait of a doctor " * 8
    Path("spec.yaml").write_text(
        text.replace("doctor: 1", f"doctor: {{count: 1, prompts: ['a doctor', '{portrait}']}}")
    )
    assert command_line(["plan", "spec.yaml"]) == 2
    told = said(capsys)
    assert "classes.doctor.prompts.1: the text has " in told
    assert "would be cut off: the judge bundled:judge reads 32" in told


def test_settings_of_text_encoders_that_cannot_act_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model, key, value, why in (
        ("sd", "max_sequence_length", 77, "it has no such setting"),
        ("sd3", "max_sequence_length", 600, "expected at most 512 for StableDiffusion3Pipeline, not 600"),
        ("sd", "clip_skip", 2, "expected less than the 2 layers of its CLIP text encoder, not 2"),
    ):
        write(model, more={key: value})
        assert command_line(["plan", "spec.yaml"]) == 2
        told = said(capsys)
        assert f"spec.yaml:{line_of(key)}:" in told
        assert f"model.{key}: " in told
        assert why in told
    write()
    assert command_line(["plan", "spec.yaml", "--set", "model.id=bundled:workers", "--set", "model.clip_skip=9"]) == 2


def test_the_settings_of_text_encoders_are_in_the_fingerprint_where_they_are_set(here: Path) -> None:
    found = []
    for settings in ({}, {"max_sequence_length": 128}, {"max_sequence_length": 64}, {"clip_skip": 1}):
        write("sd3", more=settings)
        planned = synthgen.plan("spec.yaml")
        assert ("max_sequence_length" in planned.spec.canonical()["model"]) == ("max_sequence_length" in settings)
        found.append(planned.fingerprint)
    assert len(set(found)) == 4


def test_of_very_many_prompts_those_with_the_longest_values_are_counted(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(template="a {class} with {place} and {a} and {b} and {c}")
    spec = yaml.safe_load(Path("spec.yaml").read_text())
    numbers = [f"a hat {number}" for number in range(100)]
    spec["prompts"]["variables"] |= dict.fromkeys("abc", numbers)
    Path("spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    assert command_line(["plan", "spec.yaml"]) == 2
    assert "prompts.templates.1: a prompt of the class doctor has " in said(capsys)


def test_a_pipeline_that_makes_prompts_lower_case_is_counted_so() -> None:
    assert [is_lower(name) for name in ("PixArtSigmaPipeline", "SanaPipeline", "FluxPipeline")] == [True, True, False]
    tokenizer = tokenizer_of(GENERATOR / "tokenizer")
    assert tokenizer is not None
    assert Counter(tokenizer, lower=True).count(" A CHEF ") == Counter(tokenizer).count("a chef") == 4
    tokenizer.normalizer = Sequence([])  # CLIP's own makes texts lower case: T5's does not
    assert Counter(tokenizer, lower=True).count(" A CHEF ") == 4
    assert Counter(tokenizer).count(" A CHEF ") > 4


def test_openclips_own_tokenizer_is_counted_as_open_clip_counts() -> None:
    tokenizer = clip_tokenizer()
    assert tokenizer is not None
    theirs = (open_clip.get_tokenizer("ViT-B-32")(list(TEXTS)) != 0).sum(1).tolist()
    assert [Counter(tokenizer).count(text) for text in TEXTS] == theirs


CLIP_WORDS = {"<|startoftext|>": 0, "<|endoftext|>": 1, "a": 2, "b": 3, "ab": 4}


@pytest.mark.parametrize(
    "files",
    [
        {"tokenizer.json": "{}"},
        {"tokenizer.json": "[" * 10_000},
        {"vocab.json": "[" * 10_000, "merges.txt": ""},
        {"vocab.json": "[1]", "merges.txt": "a b"},
        {"vocab.json": json.dumps(CLIP_WORDS | {"ab": "4"}), "merges.txt": "a b"},
        {"vocab.json": json.dumps(CLIP_WORDS | {"ab": 2**40}), "merges.txt": "a b"},
        {"vocab.json": json.dumps(CLIP_WORDS), "merges.txt": "a b\nb a"},
    ],
)
def test_a_tokenizer_that_cannot_be_read_counts_as_none(files: dict[str, str], tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert tokenizer_of(tmp_path) is None


def read(root: Path, name: str) -> dict[str, object]:
    try:
        return read_object(root / name)
    except OSError:
        return {}


def described(name: str, root: Path) -> Iterator[tuple[Encoder, Counter, int, PipelineCall]]:
    call = call_of(lambda file: read(root, file))
    model = ModelSpec.model_validate({"id": str(root)})
    for one in encoders_of(call, read(root, "model_index.json")):
        tokenizer = tokenizer_of(root / one.part)
        if tokenizer is None:  # of sentencepiece: `plan` says that it counts none
            assert call.pipeline.startswith("Kolors")
            continue
        limit = limit_of(one, call, model, length_of(root / one.part))
        if limit is not None:
            yield one, Counter(tokenizer, one.bare, *around(one, call.pipeline), is_lower(call.pipeline)), limit, call


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves
@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_reads_as_many_tokens_as_the_table_says_and_no_more(name: str, tmp_path: Path) -> None:
    family, threads = FAMILIES[name], torch.get_num_threads()
    family.save(tmp_path)
    for part, counter, _, _ in described(name, tmp_path):
        theirs = AutoTokenizer.from_pretrained(tmp_path / part.part)
        plain = Counter(counter.tokenizer)
        assert [plain.count(text) for text in TEXTS] == [len(theirs(text)["input_ids"]) for text in TEXTS]

    longest = max(described(name, tmp_path), key=lambda each: each[2], default=None)
    if longest is None or name in SHORT_OF_TOKENS or name in ("ideogram4", "hidream"):  # the latter take minutes
        return
    part, counter, limit, call = longest
    word = " a" if counter.count("a a a a") - counter.count("a a a") == 1 else "a"
    whole = "a" + word * limit
    while counter.count(whole) > limit:
        whole = whole[: -len(word)]
    behind = len(counter.tokenizer.encode(part.after, add_special_tokens=False).ids)
    longer = whole + word * (behind + 1)  # what is written behind the prompt falls first
    assert not counter.cuts([whole], limit)
    assert counter.cuts([longer], limit)

    torch.set_num_threads(1)
    pipeline = getattr(diffusers, family.class_name).from_pretrained(tmp_path)

    def drawn(text: str) -> torch.Tensor:
        guidance = max(family.least_guidance, 1.0)
        return family.direct(pipeline, [text], None, [1], guidance=guidance, steps=family.steps, size=family.size)[0]

    assert not torch.equal(drawn(whole), drawn(whole[:-1] + "b")), call.pipeline
    assert torch.equal(drawn(longer), drawn(longer[:-1] + "b")), call.pipeline
    torch.set_num_threads(threads)
