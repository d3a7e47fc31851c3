"""How the images of a set are stored: sizes, formats and modes."""

from collections import Counter

import numpy as np

from synthgen.auditing.inspection.findings import Extent, StoredImages
from synthgen.auditing.inspection.scan import Scanned
from synthgen.stats.estimates import Floats

_SIZES = 10


def stored(scanned: Scanned) -> StoredImages:
    """Sum up sizes, formats and modes."""
    measures = scanned.measures
    wide, high = measures["width"].astype(np.float64), measures["height"].astype(np.float64)
    sizes = Counter(zip(measures["width"].tolist(), measures["height"].tolist(), strict=True))
    formats, modes = Counter[str](), Counter[str]()
    for kind, many in Counter(measures["kind"].tolist()).items():
        name, mode = scanned.kinds[kind]
        formats[name] += many
        modes[mode] += many
    return StoredImages(
        width=_extent(wide),
        height=_extent(high),
        aspect_ratio=_extent(wide / np.maximum(high, 1)),
        bytes=_extent(measures["size"].astype(np.float64)),
        sizes={f"{size[0]} x {size[1]}": many for size, many in sizes.most_common(_SIZES)},
        other_sizes=max(len(sizes) - _SIZES, 0),
        formats=dict(formats.most_common()),
        modes=dict(modes.most_common()),
    )


def _extent(values: Floats) -> Extent | None:
    return Extent(*map(float, np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))) if len(values) else None
