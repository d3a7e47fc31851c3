"""Boxes are read in the form in which they are written, or refused with what is wrong."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.regions.boxes import FORMS, BoxForm, Convention, PixelBox, Size, find_form, read_box
from synthgen.regions.error import RegionError

SIZE = (64, 48)
XYXY = BoxForm()
quick = settings(max_examples=60, derandomize=True, database=None, deadline=None)
forms = st.sampled_from(FORMS)


@st.composite
def boxes(draw: st.DrawFn) -> PixelBox:
    left, top = draw(st.integers(0, SIZE[0] - 2)), draw(st.integers(0, SIZE[1] - 2))
    return PixelBox(left, top, draw(st.integers(left + 1, SIZE[0])), draw(st.integers(top + 1, SIZE[1])))


def written(box: PixelBox, form: BoxForm) -> list[float]:
    numbers = {
        Convention.XYXY: [box.left, box.top, box.right, box.bottom],
        Convention.XYWH: [box.left, box.top, box.width, box.height],
        Convention.CXCYWH: [box.left + box.width / 2, box.top + box.height / 2, box.width, box.height],
    }[form.convention]
    return [number / SIZE[at % 2] for at, number in enumerate(numbers)] if form.relative else numbers


def corners(box: PixelBox) -> list[float]:
    return [box.left, box.top, box.right, box.bottom]


@quick
@given(boxes(), forms)
def test_a_box_is_the_same_in_every_form(box: PixelBox, form: BoxForm) -> None:
    assert corners(read_box(written(box, form), SIZE, form)) == pytest.approx(corners(box))


@quick
@given(st.lists(boxes(), min_size=1, max_size=4), forms)
def test_boxes_are_never_taken_for_another_form(several: list[PixelBox], form: BoxForm) -> None:
    numbers = [(written(box, form), SIZE) for box in several]
    with suppress(RegionError):
        assert find_form(numbers) == form
        return
    with pytest.raises(RegionError, match=f"it is unclear how boxes such as .* are written: .*{form}"):
        find_form(numbers)


@quick
@given(forms)
def test_boxes_in_the_corners_tell_their_form(form: BoxForm) -> None:
    whole = [PixelBox(0, 0, 5, 40), PixelBox(0, 0, 40, 5), PixelBox(50, 40, 64, 48), PixelBox(30, 2, 34, 44)]
    assert find_form((written(box, form), SIZE) for box in whole) == form


@pytest.mark.parametrize(
    ("numbers", "message", "hint"),
    [
        ((40, 10, 20, 30), "the box (40, 10, 20, 30), read as xyxy in pixels, has no area", "as xywh in pixels"),
        ((0.5, 0.5, 0.5, 1.0), "has no area", "It would fit as cxcywh in shares of the image."),
        ((0.1, 0.2, 0.9, 0.8), "is smaller than a pixel", "as xyxy in shares of the image"),
        ((10, 10, 70, 30), "reaches over its image of 64 x 48 pixels", "Correct it"),
        ((70, 10, 90, 30), "is outside its image", "Correct it"),
        ((15, 15, 10, 20), "has no area", "It would fit as xywh in pixels or as cxcywh in pixels."),
        ((10, 10, 30), "(10, 10, 30) is not a box", "four numbers"),
        ((10, 10, float("nan"), 30), "is not a box", "four numbers"),
        (("a", 1, 2, 3), "is not a box", "four numbers"),
        (None, "None is not a box", "four numbers"),
    ],
)
def test_a_box_that_does_not_fit_is_refused_with_the_form_in_which_it_would(
    numbers: tuple[float, ...], message: str, hint: str
) -> None:
    with pytest.raises(RegionError) as refused:
        read_box(numbers, SIZE, XYXY)
    assert message in refused.value.message
    assert hint in (refused.value.hint or "")


def test_a_box_that_reaches_over_by_a_pixel_is_cut_off() -> None:
    assert read_box((-0.6, 3, 64.9, 49), SIZE, XYXY) == PixelBox(0, 3, 64, 48)


def test_boxes_of_two_forms_and_no_boxes_are_refused() -> None:
    mixed: list[tuple[tuple[float, ...], Size]] = [((30, 20, 60, 45), SIZE), ((40, 30, 10, 10), SIZE)]
    with pytest.raises(RegionError, match=r"no form that fits most of them: of 2, 1 as xyxy in pixels, 1 as xywh"):
        find_form(mixed)
    with pytest.raises(RegionError, match=r"such as \(1, 1, -5, 3\) are written in no form .* none in any form fit"):
        find_form([((1, 1, -5, 3), SIZE)])
    with pytest.raises(RegionError, match="there is no box"):
        find_form([])


def test_a_box_in_twenty_that_is_wrong_does_not_hide_the_form() -> None:
    right: list[tuple[tuple[float, ...], Size]] = [((30, 20, 60, 45), SIZE)] * 19
    assert find_form([*right, ((40, 30, 10, 10), SIZE)]) == XYXY
