"""Judges that are asked: what they are asked, how their scores are read, and what of their files is refused."""

import io
import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from synthgen.errors import ModelError, SynthgenError, UsageError
from synthgen.judging.asking.detector import DetectorModel, _Boxes
from synthgen.judging.asking.folder import CAPTIONS, CONTRASTIVE, DETECTION, eyes_of
from synthgen.judging.asking.questions import (
    Form,
    Question,
    answers_of,
    class_answers,
    matching_label,
    questions_of,
    read_question,
    rules_of,
    singular,
)
from synthgen.judging.asking.vqa import VqaModel
from synthgen.models.asked_settings import check_asked
from synthgen.spec import Attribute
from tests.auditing.portraits import table
from tests.judging.tiny_asked import edit, save_blip, save_detr, save_llava, save_owlvit, save_vilt

SAVED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "blip": (save_blip, "vqa"),
    "vilt": (save_vilt, "vqa"),
    "llava": (save_llava, "vqa"),
    "owlvit": (save_owlvit, "detector"),
    "detr": (save_detr, "detector"),
}
LIGHT, DARK = Question(Form.SHOWS, "light skin"), Question(Form.SHOWS, "dark skin")
PEOPLE = Question(Form.COUNTS, "people")
SKIN = Attribute(values={"light": ("light skin",), "dark": ("dark skin",)}, abstain_below=0.6)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name, (save, _) in SAVED.items():
        save(folder / name)
    return folder


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [Image.open(io.BytesIO(row["image"])).convert("RGB") for row in table()[:3]]  # type: ignore[arg-type]


@cache
def opened(folder: Path, kind: str) -> VqaModel | DetectorModel:
    eyes = eyes_of(json.loads((folder / "config.json").read_text("utf-8")), kind, folder.name)
    return (VqaModel if kind == "vqa" else DetectorModel)(folder.name, eyes, lambda: folder, "cpu")


@pytest.mark.parametrize("name", SAVED)
def test_each_kind_of_model_scores_questions_and_a_batch_changes_nothing(
    name: str, saved: Path, pictures: list[Image.Image]
) -> None:
    model = opened(saved / name, SAVED[name][1])
    for question, width in ((LIGHT, 1), (PEOPLE, 10)):
        scores = model.ask(pictures, question)
        assert scores.shape == (len(pictures), width)
        assert np.isfinite(scores).all()
        alone = np.concatenate([model.ask([each], question) for each in pictures])
        assert np.allclose(scores, alone, atol=1e-4)
        if width == 10:
            assert np.allclose(np.exp(scores).sum(1), 1, atol=1e-4)


def test_the_odds_of_a_model_that_writes_are_those_of_its_first_word(saved: Path, pictures: list[Image.Image]) -> None:
    from transformers import AutoProcessor, BlipForQuestionAnswering

    model = BlipForQuestionAnswering.from_pretrained(saved / "blip")
    processor = AutoProcessor.from_pretrained(saved / "blip")
    words = "Does this image show light skin?"
    inputs = processor(images=pictures, text=[words] * len(pictures), return_tensors="pt")
    with torch.inference_mode():
        seen = model.vision_model(pixel_values=inputs["pixel_values"])[0]
        asked = model.text_encoder(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], encoder_hidden_states=seen
        )[0]
        begin = torch.full((len(pictures), 1), model.decoder_start_token_id)
        logits = model.text_decoder(input_ids=begin, encoder_hidden_states=asked).logits[:, -1]
    yes, no = (processor.tokenizer.convert_tokens_to_ids(word) for word in ("yes", "no"))
    expected = (logits[:, yes] - logits[:, no]).numpy()
    assert np.ptp(expected) > 0.01, "the pictures differ"
    assert np.allclose(opened(saved / "blip", "vqa").ask(pictures, LIGHT)[:, 0], expected, atol=1e-4)


def test_a_classifier_of_answers_is_read_by_its_labels(saved: Path, pictures: list[Image.Image]) -> None:
    from transformers import AutoProcessor, ViltForQuestionAnswering

    model = ViltForQuestionAnswering.from_pretrained(saved / "vilt")
    processor = AutoProcessor.from_pretrained(saved / "vilt")

    def logits(words: str) -> torch.Tensor:
        with torch.inference_mode():
            return model(**processor(images=pictures, text=[words] * len(pictures), return_tensors="pt")).logits  # type: ignore[no-any-return]

    judge = opened(saved / "vilt", "vqa")
    shown = logits("Does this image show light skin?")
    assert np.allclose(judge.ask(pictures, LIGHT)[:, 0], (shown[:, 0] - shown[:, 1]).numpy(), atol=1e-4)
    counted = logits("How many people are in this image?")[:, 3:13].log_softmax(1)
    assert np.allclose(judge.ask(pictures, PEOPLE), counted.numpy(), atol=1e-4)


def test_a_detector_scores_a_text_by_its_best_box(saved: Path, pictures: list[Image.Image]) -> None:
    from transformers import AutoProcessor, OwlViTForObjectDetection

    model = OwlViTForObjectDetection.from_pretrained(saved / "owlvit")
    processor = AutoProcessor.from_pretrained(saved / "owlvit")
    inputs = processor(images=pictures, text=[["light skin"]] * len(pictures), return_tensors="pt")
    with torch.inference_mode():
        expected = model(**inputs).logits[..., 0].max(1).values.numpy()
    assert np.allclose(opened(saved / "owlvit", "detector").ask(pictures, LIGHT)[:, 0], expected, atol=1e-2)


def test_a_detector_counts_objects_once_and_is_unsure_of_faint_ones(saved: Path) -> None:
    judge = opened(saved / "detr", "detector")
    assert isinstance(judge, DetectorModel)
    apart = torch.tensor([[0.0, 0.0, 0.1, 0.1], [0.0, 0.0, 0.1, 0.101], [0.5, 0.5, 0.6, 0.6], [0.8, 0.8, 0.9, 0.9]])
    sure = judge._score(_Boxes(torch.tensor([0.9, 0.8, 0.9, 0.1]), apart), PEOPLE)
    assert int(sure.argmax()) == 2
    assert float(sure.exp()[2]) == pytest.approx(1)
    unsure = judge._score(_Boxes(torch.tensor([0.9, 0.8, 0.9, 0.6]), apart), PEOPLE).exp()
    assert unsure[2:4].tolist() == pytest.approx([0.5, 0.5])
    numbers = Attribute(values={"1": ("one",), "2": ("two",), "3+": ("more",)})
    scores = {PEOPLE: np.stack([sure.numpy(), unsure.log().clamp(min=-60).numpy()])}
    assert answers_of(numbers, (PEOPLE,), scores, rules_of("detector", fixed=True)) == ["2", "unknown"]


def test_a_bias_towards_yes_changes_no_answer_and_little_odds_are_unknown() -> None:
    odds = np.array([[2.0, 0.5], [0.1, 0.0], [-3.0, -1.0]], dtype=np.float32)
    rules = rules_of("vqa", fixed=False)
    for bias in (0.0, 5.0, -5.0):
        scores = {LIGHT: odds[:, :1] + bias, DARK: odds[:, 1:] + bias}
        assert answers_of(SKIN, (LIGHT, DARK), scores, rules) == ["light", "unknown", "dark"]
    found = {LIGHT: odds[:, :1], DARK: odds[:, 1:]}
    assert answers_of(SKIN, (LIGHT, DARK), found, rules_of("detector", fixed=True)) == ["light", "unknown", "unknown"]
    assert class_answers(np.array([[2.0], [0.1], [-2.0]], np.float32), rules) == [True, None, False]


def test_numbers_are_counted_and_what_no_value_means_is_unknown() -> None:
    numbers = Attribute(values={"0": ("none",), "1": ("one",), "2+": ("more",)})
    (question,) = questions_of("number_of_dogs", numbers)
    assert question.words == "How many dogs are in this image?"
    assert read_question(question.key) == question
    sure = np.log(np.full((4, 10), 0.01, dtype=np.float32))
    for row, many in enumerate((0, 1, 7)):
        sure[row, many] = np.log(0.91)
    sure[3, [2, 3]] = np.log(0.46)
    found = answers_of(numbers, (question,), {question: sure}, rules_of("vqa", fixed=False))
    assert found == ["0", "1", "2+", "2+"], "several numbers of one value count together"
    few = Attribute(values={"1": ("one",), "2": ("two",)})
    assert answers_of(few, (question,), {question: sure}, rules_of("vqa", fixed=False))[2] == "unknown"
    for names, said in ((("1", "12"), "counts to 9"), (("1+", "2"), "2 is in the values")):
        with pytest.raises(UsageError, match=said):
            questions_of("dogs", Attribute(values=dict.fromkeys(names, ("a dog",))))


def test_the_classes_of_a_detector_are_found_by_their_names() -> None:
    labels = ("Person", "dog", "potted plant")
    assert [matching_label(Question(Form.COUNTS, what), labels) for what in ("people", "dogs", "cats")] == [0, 1, None]
    assert matching_label(Question(Form.SHOWS, "a Potted  plant"), labels) == 2
    assert [singular(word) for word in ("dogs", "berries", "boxes", "glass", "red buses")] == [
        "dog", "berry", "box", "glass", "red bus",
    ]  # fmt: skip


def test_what_a_judge_sees_with_decides_its_family(saved: Path) -> None:
    families = {"blip": CAPTIONS, "vilt": CAPTIONS, "llava": CONTRASTIVE, "owlvit": CONTRASTIVE, "detr": DETECTION}
    for name, family in families.items():
        config = json.loads((saved / name / "config.json").read_text("utf-8"))
        assert eyes_of(config, SAVED[name][1], name).family == family
    with pytest.raises(ModelError, match="type bert is not one that answers questions"):
        eyes_of({"model_type": "bert"}, "vqa", "vqa:x/y")


def test_weights_of_another_task_are_refused_and_not_filled_up_at_random(saved: Path, tmp_path: Path) -> None:
    from transformers import BlipConfig, BlipForConditionalGeneration

    folder = Path(shutil.copytree(saved / "blip", tmp_path / "captions"))
    config = BlipConfig.from_pretrained(saved / "blip")
    BlipForConditionalGeneration(config).save_pretrained(folder)
    with pytest.raises(ModelError, match="those of another kind of model"):
        opened(folder, "vqa").ask([Image.new("RGB", (32, 32))], LIGHT)


def test_a_question_longer_than_the_model_reads_is_refused(saved: Path) -> None:
    long = Question(Form.SHOWS, "a person " * 40)
    for name, kind in (("vilt", "vqa"), ("owlvit", "detector")):
        with pytest.raises(UsageError, match="tokens, and judge"):
            opened(saved / name, kind).ask([Image.new("RGB", (32, 32))], long)


HOSTILE: dict[str, tuple[str, dict[str, object], str]] = {
    "code of its own": ("config.json", {"auto_map": {"AutoModel": "code.Model"}}, "auto_map"),
    "code deep down": ("processor_config.json", {"image_processor": {"auto_map": {"A": "b"}}}, "processor.auto_map"),
    "a kernel from the hub": ("config.json", {"attn_implementation": "owner/kernel"}, "attn_implementation"),
    "a kernel of a part": ("config.json", {"text_config": {"_attn_implementation": "o/k"}}, "_attn_implementation"),
    "another backbone": ("config.json", {"backbone_config": {"backbone": "hf-hub:o/n"}}, "backbone_config.backbone"),
    "a tokenizer that runs": ("tokenizer_config.json", {"tokenizer_class": "RagTokenizer"}, "tokenizer_class"),
    "quantization": ("config.json", {"quantization_config": {"quant_method": "custom"}}, "quantization_config"),
    "generation code": ("generation_config.json", {"custom_generate": "o/n"}, "custom_generate"),
    "an adapter": ("adapter_config.json", {"base_model_name_or_path": "o/n"}, "an adapter opens another model"),
    "weights elsewhere": (
        "model.safetensors.index.json", {"weight_map": {"a": "../x.safetensors"}}, "is not a safetensors file",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_judge_may_not_ask_for_is_refused_with_file_and_key(name: str, saved: Path, tmp_path: Path) -> None:
    file, changes, said = HOSTILE[name]
    folder = Path(shutil.copytree(saved / "blip", tmp_path / "judge"))
    (folder / file).touch()
    (folder / file).write_text((folder / file).read_text("utf-8") or "{}")
    edit(folder / file, **changes)
    with pytest.raises(UsageError, match=said) as refused:
        check_asked(folder)
    assert str(folder / file) in refused.value.message
    with pytest.raises(UsageError, match="is refused"):
        opened(folder, "vqa").ask([Image.new("RGB", (32, 32))], LIGHT)


def test_pickles_are_refused_and_what_is_whole_is_not(saved: Path, tmp_path: Path) -> None:
    for name in SAVED:
        check_asked(saved / name)
    folder = Path(shutil.copytree(saved / "vilt", tmp_path / "judge"))
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(SynthgenError, match="a pickle"):
        check_asked(folder)
