"""A process that renders 16 images, first freely and then with less memory than that takes: what came of it, as JSON.

Run as `python -m tests.generating.out_of_memory MODEL`.
"""

import json
import resource
import sys
from pathlib import Path

import torch

from synthgen.records import Rendered
from tests.generating.tiny import candidate, generator_of

ROOM = 48 << 20


def address_space() -> int:
    """Bytes of this process's virtual memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def furthest(one: Rendered, other: Rendered) -> int:
    """The largest difference of two images, in steps of 1/255."""
    assert one.image is not None
    assert other.image is not None
    return int((one.image.int() - other.image.int()).abs().max())


def main(model: Path) -> None:
    torch.set_num_threads(1)
    generator = generator_of(model, size=256, batch_size=16)
    candidates = [candidate(attempt) for attempt in range(16)]
    generator.batch_size = 1
    expected = generator.render(candidates)
    generator.batch_size = 16
    limit = address_space() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    rendered = generator.render(candidates)
    json.dump(
        {
            "ids": [one.candidate.id for one in rendered],
            "batch_sizes": [one.batch_size for one in rendered],
            "furthest": max(map(furthest, rendered, expected)),
        },
        sys.stdout,
    )


main(Path(sys.argv[1]))
