"""What COCO's annotations have and a set of images does not read, by name."""

from collections import Counter
from collections.abc import Mapping, Sequence

_READ = {
    "images": {"id", "file_name", "width", "height", "row"},
    "annotations": {"id", "image_id", "category_id", "bbox", "segmentation", "area", "iscrowd"},
    "categories": {"id", "name", "keypoints", "skeleton"},
}
_POINTS, _CROWD = "keypoints", "iscrowd"
_MOST = 20
"""Keys that are named, for each list; the others are counted."""
_NONE = ("none", "", None)


def unread_keys(lists: Mapping[str, Sequence[Mapping[str, object]]]) -> Counter[tuple[str, str]]:
    """Count what is not read, by list and key.

    Args:
        lists: of images, annotations and categories.
    """
    seen = Counter((name, key) for name in _READ for each in lists[name] for key in each if key not in _READ[name])
    del seen["annotations", "num_keypoints"]
    seen["annotations", _POINTS] = sum(bool(each.get(_POINTS)) for each in lists["annotations"])
    seen["annotations", _CROWD] = sum(bool(each.get(_CROWD)) for each in lists["annotations"])
    if all(each.get("supercategory") in _NONE for each in lists["categories"]):
        del seen["categories", "supercategory"]  # which is what sets without one write
    return +seen


def unread_of_coco(seen: Mapping[tuple[str, str], int]) -> dict[str, str]:
    """Name what is not read, each with the reason.

    Args:
        seen: what `unread_keys` counted, of all files.
    """
    unread = {}
    if ("annotations", _POINTS) in seen:
        unread[_POINTS] = "the keypoints of COCO sets are not read"
    if crowds := seen.get(("annotations", _CROWD), 0):
        many = "1 annotation is a crowd" if crowds == 1 else f"{crowds:,} annotations are crowds"
        unread[_CROWD] = f"{many}, whose boxes and masks are not read"
    for name in _READ:
        keys = sorted(key for of, key in seen if of == name and key not in (_POINTS, _CROWD))
        unread |= {f"{name}.{key}": _named(seen[name, key]) for key in keys[:_MOST]}
        if more := len(keys[_MOST:]):
            unread[f"{name}.*"] = f"{more:,} more keys are not read"
    return unread


def _named(many: int) -> str:
    return f"the key, which {many:,} {'has' if many == 1 else 'have'}, is not read"
