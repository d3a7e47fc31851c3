"""A process that embeds pictures, first freely and then with less memory than that takes: what came of it, as JSON.

Run as `python -m tests.judging.out_of_memory JUDGE`.
"""

import json
import resource
import sys
from pathlib import Path

import torch

from synthgen.judging.clip import Clip
from tests.judging.tiny import pictures

PICTURES = 2000
ROOM = 48 << 20


def address_space() -> int:
    """Bytes of this process's virtual memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def main(judge: str) -> None:
    torch.set_num_threads(1)
    clip = Clip(judge, torch.device("cpu"))
    images = pictures(PICTURES)
    expected = torch.cat([clip.embed_images(part) for part in images.split(100)])
    limit = address_space() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    found = clip.embed_images(images)
    alike = torch.nn.functional.cosine_similarity(found, expected).min()
    json.dump({"images": len(found), "alike": float(alike)}, sys.stdout)


main(sys.argv[1])
