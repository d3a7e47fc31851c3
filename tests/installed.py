"""Real, tiny distributions, as an installer would leave them in a folder of packages."""

from collections.abc import Mapping
from pathlib import Path


def install(folder: Path, name: str, version: str, modules: Mapping[str, str], entries: Mapping[str, str]) -> None:
    """Write a distribution into `folder`, which must be on the path of whoever is to find it.

    Args:
        modules: the text of each module, by its name.
        entries: by group, the lines `name = module:attribute` of its entry points.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text, encoding="utf-8")
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    groups = [f"[{group}]\n{lines}\n" for group, lines in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
