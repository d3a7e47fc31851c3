"""The formats that are part of synthgen, by name. Their table is in `dataset/formats/opening.py`."""

from collections.abc import Collection

PARQUET = "parquet"
"""What a dataset is written in if its spec names nothing else."""
OWN_FORMATS = (PARQUET, "hf", "webdataset", "imagefolder", "coco", "yolo")

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
