"""What a repository of the hub has to hold, and what it holds."""

import json
from pathlib import Path

from tests.hub import Hub
from tests.hub_datasets import TOKENS

OWNER, READER = TOKENS
NAME = "owner/portraits"


def files_of(dataset: Path) -> dict[str, bytes]:
    """What a repository has to hold: the files that the dataset itself names."""
    named = json.loads((dataset / "synthgen.json").read_text())["digests"]
    return {name: (dataset / name).read_bytes() for name in (*named, "synthgen.json")}


def in_repository(hub: Hub, branch: str = "main") -> dict[str, bytes]:
    return {name: data for name, data in hub.datasets.repos[NAME].head(branch).items() if name != ".gitattributes"}
