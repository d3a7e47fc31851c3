"""Five crops of an image: its centre and its corners, each half as wide and high. Small things fill more of a crop."""

from collections.abc import Sequence

from PIL.Image import Image

CROPS = 5


def five_crops(image: Image) -> Sequence[Image]:
    width, height = image.size
    wide, high = max(1, width // 2), max(1, height // 2)
    right, bottom = width - wide, height - high
    corners = [(right // 2, bottom // 2), (0, 0), (right, 0), (0, bottom), (right, bottom)]
    return [image.crop((left, top, left + wide, top + high)) for left, top in corners]
