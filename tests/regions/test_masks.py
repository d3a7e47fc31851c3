"""Masks are read as they are meant, or refused; what is outside of them stays as it was, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from synthgen.regions.boxes import PixelBox
from synthgen.regions.compositing import composited
from synthgen.regions.error import RegionError
from synthgen.regions.masks import Mask, check_mask, feathered, mask_of_boxes, mask_of_picture

SIZE = (9, 7)
quick = settings(max_examples=60, derandomize=True, database=None, deadline=None)
masks = arrays(bool, SIZE[::-1])
partial = masks.filter(lambda mask: bool(mask.any() and not mask.all()))
pictures = arrays(np.uint8, (*SIZE[::-1], 3)).map(Image.fromarray)
corner = st.floats(-4, 12)
MODES = ("1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I", "F", "I;16", "0 and 1", "dark palette")


def grey(mask: Mask, low: int = 0, high: int = 255) -> Image.Image:
    return Image.fromarray(np.where(mask, high, low).astype(np.uint8))


@quick
@given(st.lists(st.tuples(corner, corner, st.floats(0.1, 6), st.floats(0.1, 6)), max_size=3), st.floats(0, 2))
def test_a_pixel_is_in_the_region_if_a_padded_box_covers_some_of_it(
    found: list[tuple[float, float, float, float]], pad: float
) -> None:
    boxes = [PixelBox(left, top, left + width, top + height) for left, top, width, height in found]
    mask = mask_of_boxes(boxes, SIZE, pad)
    for y, x in np.ndindex(mask.shape):
        covered = any(
            box.left - pad < x + 1 and x < box.right + pad and box.top - pad < y + 1 and y < box.bottom + pad
            for box in boxes
        )
        assert mask[y, x] == covered


@quick
@given(
    partial, st.sampled_from(["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I", "F", "I;16", "small", "dark palette"])
)
def test_a_mask_of_two_values_is_the_same_in_every_mode(mask: Mask, mode: str) -> None:
    match mode:
        case "I;16":
            picture = Image.fromarray(np.where(mask, 1, 0).astype(np.uint16))
        case "0 and 1":
            picture = grey(mask, 0, 1)
        case "dark palette":  # of Pascal VOC: black, and dark red
            picture = grey(mask, 0, 1)
            picture.putpalette([0, 0, 0, 128, 0, 0])
        case _:
            picture = grey(mask).convert(mode)
    assert np.array_equal(mask_of_picture(picture, SIZE), mask)


@quick
@given(arrays(np.uint8, SIZE[::-1], elements=st.sampled_from([0, 3, 127, 128, 250, 255])))
def test_other_masks_begin_at_half_of_white_or_are_refused(values: NDArray[np.uint8]) -> None:
    wanted = values >= 128
    if wanted.any() and not wanted.all():
        assert np.array_equal(mask_of_picture(Image.fromarray(values), SIZE, 0.5), wanted)
    else:
        with pytest.raises(RegionError, match="the mask is full" if wanted.any() else "the mask is empty"):
            mask_of_picture(Image.fromarray(values), SIZE, 0.5)


def test_a_soft_mask_begins_at_half_of_white() -> None:
    values = np.tile(np.array([0, 0, 60, 127, 128, 200, 255, 255, 255], np.uint8), (7, 1))
    assert np.array_equal(mask_of_picture(Image.fromarray(values), SIZE), values >= 128)
    assert np.array_equal(mask_of_picture(Image.fromarray(values), SIZE, 0.2), values >= 51)


CLASSES = np.tile(np.array([0, 0, 1, 1, 2, 2, 15, 15, 255], np.uint8), (7, 1))
COLORS = np.tile(np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0]] * 3, np.uint8), (7, 1, 1))
CLEAR = Image.fromarray(np.dstack([np.full((7, 9, 3), 255, np.uint8), np.eye(7, 9, dtype=np.uint8) * 255]))
WRONG = {
    "another size": (Image.new("L", (7, 9)), "the mask has 7 x 9 pixels, and its image 9 x 7"),
    "black": (Image.new("L", SIZE), "the mask is empty"),
    "white": (Image.new("RGB", SIZE, "white"), "the mask is full"),
    "numbers of classes": (Image.fromarray(CLASSES), "the mask is dark"),
    "in 16 bits, too": (Image.fromarray(CLASSES.clip(0, 20).astype(np.uint16)), "the mask is dark"),
    "several colours": (Image.fromarray(COLORS), "the mask has several colours"),
    "transparent": (CLEAR, "the mask has transparent pixels"),
}


@pytest.mark.parametrize(("picture", "message"), WRONG.values(), ids=WRONG)
def test_a_mask_that_can_mean_several_regions_or_none_is_refused(picture: Image.Image, message: str) -> None:
    with pytest.raises(RegionError, match=message) as refused:
        mask_of_picture(picture, SIZE)
    assert refused.value.hint


@quick
@given(masks, st.floats(0, 5))
def test_a_feathered_mask_is_nothing_outside_and_rises_inwards(mask: Mask, radius: float) -> None:
    shown = feathered(mask, radius)
    assert shown.dtype == np.float32
    assert not shown[~mask].any()
    assert (shown[mask] > 0).all()
    assert shown.max(initial=0) <= 1
    if mask.all() or radius == 0:
        assert np.array_equal(shown, mask)


def test_feathering_does_not_fall_at_the_edge_of_the_image() -> None:
    mask = np.zeros((1, 8), bool)
    mask[:, 3:] = True
    assert feathered(mask, 3).round(2).tolist() == [[0, 0, 0, 0.25, 0.5, 0.75, 1, 1]]


@quick
@given(pictures, pictures, masks, st.floats(0, 5))
def test_outside_the_region_the_source_stays_bit_for_bit(
    source: Image.Image, new: Image.Image, mask: Mask, radius: float
) -> None:
    found = np.asarray(composited(source, new, feathered(mask, radius)))
    assert np.array_equal(found[~mask], np.asarray(source)[~mask])
    ends = np.stack([np.asarray(source), np.asarray(new)])
    assert ((ends.min(axis=0) <= found) & (found <= ends.max(axis=0))).all()
    whole = np.asarray(composited(source, new, feathered(mask, 0)))
    assert np.array_equal(whole[mask], np.asarray(new)[mask])


def test_a_region_needs_an_inside_and_an_outside() -> None:
    for mask, message in ((np.zeros((2, 2), bool), "empty"), (np.ones((2, 2), bool), "full")):
        with pytest.raises(RegionError, match=message):
            check_mask(mask)
    check_mask(np.eye(2, dtype=bool))
