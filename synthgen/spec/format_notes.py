"""What formats for detectors lack where nothing says where the object is."""

from collections.abc import Collection

from synthgen.spec.spec import Spec

_UNLOCATED = {
    "coco": "coco, of images without boxes or masks: its annotations have the category of an image and no `bbox`, "
    "which trainers of detectors need",
    "yolo": "yolo, of images without boxes or masks: it has a folder for each class, for `yolo classify`",
}


def format_notes(formats: Collection[str], *, located: bool) -> list[str]:
    """Say what formats for detectors hold of a set that does not tell where the object is.

    Args:
        located: whether it has boxes or masks.
    """
    return [] if located else [note for name, note in _UNLOCATED.items() if name in formats]


def format_notes_of(spec: Spec) -> list[str]:
    """Say what the formats of a spec's dataset lack, if its images will tell neither boxes nor masks."""
    return format_notes(spec.output.formats, located=is_located(spec))


def is_located(spec: Spec) -> bool:
    """Tell whether the images of a spec will have boxes or masks."""
    return spec.has_boxes or (spec.source is not None and spec.source.mask is not None)
