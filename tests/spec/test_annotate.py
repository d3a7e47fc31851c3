"""What finds boxes and masks: the forms of the keys, and what is refused."""

import pytest

from synthgen.errors import SpecError
from synthgen.spec import parse_spec

SPEC = """
synthgen: 1
name: boxed
model: {id: 'bundled:workers'}
classes: {doctor: 2, chef: 2}
prompts: {templates: ['a {class}']}
"""
HUB = "model: {id: owner/model}\n"
SOURCED = "task: inpaint\nsource: {dataset: ./photos, boxes: boxes, mask: mask}\n"


def test_the_short_form_and_the_long_one_mean_the_same_and_absence_changes_no_fingerprint() -> None:
    short = parse_spec(SPEC + "annotate: {boxes: 'bundled:reader', masks: 'bundled:reader'}\n")
    long = parse_spec(SPEC + "annotate: {boxes: {model: 'bundled:reader'}, masks: {model: 'bundled:reader'}}\n")
    assert short.canonical() == long.canonical()
    plain = parse_spec(SPEC)
    assert "annotate" not in plain.canonical()
    assert "box" not in plain.canonical()["filters"]
    assert (short.has_boxes, plain.has_boxes) == (True, False)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("annotate: {}", r"annotate: it names no model"),
        ("annotate: {boxes: bundled:workers}", r"annotate\.boxes: expected 'bundled:reader', a hub id"),
        ("annotate: {masks: 'bundled:reader'}", r"annotate\.masks: a segmenter is shown boxes: add annotate\.boxes"),
        ("annotate: {boxes: {model: ./owl, revision: main}}", r"annotate\.boxes\.revision: only an id on the hub"),
        ("annotate: {boxes: {model: 'bundled:reader', text: a person}}", r"annotate\.boxes\.text: .* takes no text"),
        ("annotate: {boxes: {model: owner/owl, text: 'a {skin} face'}}", r"only \{class\} can stand .* has \{skin\}"),
        ("annotate: {boxes: {model: owner/owl, min_score: 2}}", r"annotate\.boxes\.min_score: .* at most 1"),
        ("filters: {box: {}}", r"filters\.box: images have no boxes: add annotate\.boxes"),
        (SOURCED + "annotate: {boxes: owner/owl}", r"annotate\.boxes: images have those of source\.boxes already"),
        (SOURCED + "annotate: {masks: owner/sam}", r"annotate\.masks: images have those of source\.mask already"),
    ],
)
def test_what_cannot_act_is_refused_by_name(more: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_spec(SPEC + more + "\n")


def test_the_reader_is_refused_for_other_models_and_boxes_of_a_source_serve_filter_and_segmenter() -> None:
    other = SPEC.replace("model: {id: 'bundled:workers'}\n", HUB)
    with pytest.raises(SpecError, match=r"annotate\.boxes: 'bundled:reader' knows pictures of 'bundled:workers' alone"):
        parse_spec(other + "annotate: {boxes: 'bundled:reader'}\n")
    carried = SOURCED.replace(", mask: mask", "")
    spec = parse_spec(SPEC + carried + "annotate: {masks: 'bundled:reader'}\nfilters: {box: {min_margin: 0.2}}\n")
    assert spec.has_boxes
