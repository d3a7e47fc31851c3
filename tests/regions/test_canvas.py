"""A larger canvas keeps its image bit for bit, and boxes and masks stay where they are on it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from synthgen.regions.boxes import PixelBox
from synthgen.regions.canvas import Anchor, Canvas, Margins, canvas_of_margins, canvas_of_size
from synthgen.regions.error import RegionError
from synthgen.regions.masks import mask_of_boxes

INNER = (6, 4)
quick = settings(max_examples=60, derandomize=True, database=None, deadline=None)
margins = st.builds(Margins, *[st.integers(0, 5)] * 4).filter(lambda found: found != Margins())
canvases = margins.map(lambda found: canvas_of_margins(INNER, found)) | st.builds(
    canvas_of_size, st.just(INNER), st.tuples(st.integers(7, 12), st.integers(4, 9)), st.sampled_from(Anchor)
)


@quick
@given(canvases, arrays(np.uint8, (*INNER[::-1], 3)))
def test_the_image_is_on_the_canvas_bit_for_bit_and_all_else_is_new(canvas: Canvas, pixels: np.ndarray) -> None:
    spread, region = np.asarray(canvas.spread(Image.fromarray(pixels))), canvas.region()
    assert spread.shape[:2] == region.shape == canvas.size[::-1]
    assert np.array_equal(spread[~region], pixels.reshape(-1, 3))
    (left, top), (width, height) = canvas.at, canvas.inner
    assert not region[top : top + height, left : left + width].any()
    assert region.sum() == canvas.size[0] * canvas.size[1] - width * height


@quick
@given(canvases, st.tuples(st.integers(0, 5), st.integers(0, 3)), st.tuples(st.integers(1, 6), st.integers(1, 4)))
def test_a_box_and_its_mask_move_together(canvas: Canvas, at: tuple[int, int], size: tuple[int, int]) -> None:
    box = PixelBox(*at, min(at[0] + size[0], INNER[0]), min(at[1] + size[1], INNER[1]))
    moved = canvas.move(box)
    assert (moved.width, moved.height) == (box.width, box.height)
    mask = canvas.enlarge(mask_of_boxes([box], INNER))
    assert np.array_equal(mask, mask_of_boxes([moved], canvas.size))
    assert not (mask & canvas.region()).any()


def test_an_anchor_says_where_the_image_lies() -> None:
    at = {anchor: canvas_of_size((6, 4), (9, 8), anchor).at for anchor in Anchor}
    assert at == {
        "top-left": (0, 0), "top": (1, 0), "top-right": (3, 0),
        "left": (0, 2), "center": (1, 2), "right": (3, 2),
        "bottom-left": (0, 4), "bottom": (1, 4), "bottom-right": (3, 4),
    }  # fmt: skip


def test_edges_are_continued() -> None:
    pixels = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    spread = np.asarray(canvas_of_margins((2, 1), Margins(1, 0, 2, 1)).spread(Image.fromarray(pixels)))
    assert spread[..., 0].tolist() == [[1, 1, 4, 4, 4]] * 2


@pytest.mark.parametrize("found", [Margins(), Margins(left=-1, right=3)])
def test_margins_that_add_nothing_or_cut_off_are_refused(found: Margins) -> None:
    with pytest.raises(RegionError, match="expected none below 0, and one above"):
        canvas_of_margins(INNER, found)


@pytest.mark.parametrize("size", [(6, 4), (5, 9)])
def test_a_canvas_without_room_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(RegionError, match="has no room around an image of 6 x 4"):
        canvas_of_size(INNER, size)
