"""The name of a set, from its path."""

import re
from pathlib import Path

_SAYS_NOTHING = re.compile(
    r"(metadata|labels?|annotations?|index|dataset|data|all|images?|train|training|validation|valid|val|dev|test|testing"
    r"|eval|evaluation)([-._ ]?[0-9][-._0-9a-z]*)?",
    re.IGNORECASE,
)


def set_name(path: Path) -> str:
    """Return the name of a folder, or that of a file without its ending.

    A file whose name says what is in it rather than which set it is, such as metadata.csv or train-00000-of-00001, has
    the name of its folder, or of the first folder above it that says more.
    """
    path = path.resolve()
    if not path.is_file():
        return path.name
    name = path.stem.removesuffix(".tar")  # of .tar.gz
    for parent in path.parents:
        if not _SAYS_NOTHING.fullmatch(name) or not parent.name:
            break
        name = parent.name
    return name
