"""Boxes and masks that models of transformers find, with random weights; and the judge's look at the boxes."""

from collections.abc import Callable
from dataclasses import replace
from math import isnan
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from synthgen.errors import ModelError, UsageError
from synthgen.judging.annotating.annotator import ImageAnnotator
from synthgen.judging.annotating.boxes import BoxFinder, FoundBoxes, TextDetector, best_boxes
from synthgen.judging.annotating.masks import MaskFinder, PromptedSegmenter
from synthgen.judging.boxed import square_of
from synthgen.judging.clip_judge import ClipJudge
from synthgen.models.annotators import MODEL_TYPES
from synthgen.records import Reason
from synthgen.regions.carried import Carried
from synthgen.spec import parse_spec
from tests.judging.tiny import SPEC, pictures, rendered
from tests.judging.tiny_annotators import save_grounding_dino, save_owlv2, save_sam2

WIDE = torch.randint(0, 256, (3, 40, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.slow
@pytest.mark.parametrize("save", [save_owlv2, save_grounding_dino])
def test_a_detector_finds_what_transformers_itself_finds(save: Callable[[Path], Path], tmp_path: Path) -> None:
    from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

    folder = save(tmp_path / "model")
    detector = TextDetector("tiny", lambda: folder, "cpu")
    detector.setup()
    found = detector.find(WIDE, "a Doctor", 0.3)

    # As ours is opened. Random weights magnify the last bits.
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder, attn_implementation="eager")
    processor = AutoProcessor.from_pretrained(folder)
    grounded = model.config.model_type == "grounding-dino"
    assert model.config.model_type in MODEL_TYPES["boxes"]
    picture = Image.fromarray(WIDE.permute(1, 2, 0).numpy())
    inputs = processor(text="a doctor." if grounded else [["a Doctor"]], images=[picture], return_tensors="pt")
    with torch.inference_mode():
        seen = model(**inputs)
    (told,) = processor.post_process_grounded_object_detection(seen, threshold=0.3, target_sizes=[(40, 64)])
    assert len(found.boxes) > 1
    assert found == best_boxes(told["boxes"], told["scores"], (64, 40))
    assert detector.find(WIDE, "a Doctor", 1.0) == FoundBoxes((), ())
    with pytest.raises(UsageError, match=r"annotate\.boxes\.text: .* tokens, and tiny reads 64"):
        detector.find(WIDE, "doctor " * 70, 0.3)


@pytest.mark.slow
def test_a_segmenter_gives_one_mask_for_each_box_and_another_model_is_refused(tmp_path: Path) -> None:
    from transformers import Sam2Model, Sam2Processor

    folder = save_sam2(tmp_path / "sam2")
    segmenter = PromptedSegmenter("tiny", lambda: folder, "cpu")
    segmenter.setup()
    boxes = [(2.0, 4.0, 30.0, 36.0), (0.0, 0.0, 64.0, 40.0)]
    found = segmenter.find(WIDE, boxes)
    assert tuple(found.masks.shape) == (2, 40, 64)
    model, processor = (
        Sam2Model.from_pretrained(folder, attn_implementation="eager"),
        Sam2Processor.from_pretrained(folder),
    )
    picture = Image.fromarray(WIDE.permute(1, 2, 0).numpy())
    inputs = processor(images=[picture], input_boxes=[[[*box] for box in boxes]], return_tensors="pt")
    with torch.inference_mode():
        seen = model(**inputs, multimask_output=False)
    (masks,) = processor.post_process_masks(seen.pred_masks, inputs["original_sizes"])
    assert torch.equal(found.masks, masks[:, 0])
    assert found.scores == pytest.approx(seen.iou_scores[0, :, 0].tolist())
    with pytest.raises(ModelError, match="detector other cannot be loaded"):
        TextDetector("other", lambda: folder, "cpu").setup()


def test_of_boxes_that_overlap_the_best_is_kept_and_what_is_outside_is_cut() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [-5, 20, 8, 50], [60, 0, 60.5, 30]])
    found = best_boxes(boxes, torch.tensor([0.5, 0.9, 0.7, 0.8]), (64, 40))
    assert [*found.boxes] == [(1.0, 1.0, 11.0, 11.0), (0.0, 20.0, 8.0, 40.0)]
    assert found.scores == pytest.approx((0.9, 0.7))
    assert square_of((10, 2, 20, 40), (64, 40)) == (slice(None), slice(2, 40), slice(0, 38))
    assert square_of((60.2, 0, 63.9, 2), (64, 40)) == (slice(None), slice(0, 4), slice(60, 64))


def test_the_annotator_asks_for_the_class_and_shows_its_boxes_to_the_segmenter() -> None:
    asked: list[tuple[str, float]] = []

    class Detector(BoxFinder):
        def setup(self) -> None: ...

        def find(self, image: Tensor, text: str, least: float) -> FoundBoxes:
            asked.append((text, least))
            return FoundBoxes(((8.0, 8.0, 24.0, 24.0),), (0.75,)) if len(asked) == 1 else FoundBoxes((), ())

    from synthgen.judging.annotating.masks import ReaderMasks

    masks: MaskFinder = ReaderMasks()
    annotate = "annotate: {boxes: {model: owner/owl, min_score: 0.25}, masks: owner/sam}\n"
    spec = parse_spec(SPEC + annotate).annotate
    assert spec is not None
    annotator = ImageAnnotator(spec, Detector(), masks)
    annotator.setup()
    one, other = (rendered(image, n) for n, image in enumerate(pictures(2)))
    found, none = annotator.annotate([one, other])
    assert asked[0] == (f"a photo of a {one.candidate.class_name}", 0.25)
    assert found.carried is not None
    assert (found.carried.scores, len(found.carried.masks)) == ((0.75,), 1)
    assert none.carried == Carried()


def test_the_judge_sees_each_box_alone_and_an_image_without_one_is_rejected(judge_folder: Path) -> None:
    image = pictures(1)[0]
    spec = parse_spec(SPEC + "annotate: {boxes: owner/owl}\n", overrides=("filters.box.min_margin=-1",))
    judge = ClipJudge(spec, f"local-dir:{judge_folder}", "content:1", "cpu")
    judge.setup()
    whole, part = (0.0, 0.0, 64.0, 64.0), (4.0, 4.0, 30.0, 20.0)
    several = ((whole,), (part,), (whole, part), ())
    shown = [replace(rendered(image, n), carried=Carried(boxes)) for n, boxes in enumerate(several)]
    all_of, cut, both, none = judge.assess(shown)
    assert tuple(all_of.scores) == judge.score_names
    assert all_of.scores["box_margin"] == pytest.approx(all_of.scores["label_margin"], abs=1e-5)
    assert both.scores["box_margin"] == pytest.approx(min(all_of.scores["box_margin"], cut.scores["box_margin"]))
    square = image[square_of(part, (64, 64))]
    (alone,) = judge.assess([replace(rendered(square, 0), carried=Carried(((0.0, 0.0, 26.0, 26.0),)))])
    assert cut.scores["box_margin"] == pytest.approx(alone.scores["label_margin"], abs=1e-5)
    assert isnan(none.scores["box_margin"])
    assert [one.reason for one in (all_of, cut, both, none)] == [None, None, None, Reason.BOX]
    assert np.isfinite(alone.scores["box_margin"])
