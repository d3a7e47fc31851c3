"""What the source of diffusers says of the classes of its models: read, not imported."""

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from synthgen.families.signature import root


@cache
def bases_of(name: str) -> frozenset[str]:
    """Name the bases of a model of diffusers, such as `CacheMixin`, and theirs that stand in the same file."""
    found = _class(name)
    own = [base.id for base in found.bases if isinstance(base, ast.Name)] if found else []
    return frozenset([*own, *(one for base in own if _files().get(base) == _files()[name] for one in bases_of(base))])


@cache
def repeated_blocks(name: str) -> tuple[str, ...]:
    """Name the blocks that a model repeats, which can be compiled once for all; nothing if its class does not say."""
    for node in found.body if (found := _class(name)) else ():
        match node:
            case ast.Assign([ast.Name(id="_repeated_blocks")], ast.List(elts=names)):
                values = [one.value for one in names if isinstance(one, ast.Constant)]
                return tuple(one for one in values if isinstance(one, str))
    return ()


@cache
def sets(name: str, attribute: str) -> bool:
    """Whether the file of a model sets an attribute, such as `use_tiling`; False if diffusers has no such model."""
    file = _files().get(name)
    return file is not None and re.search(rf"\b{attribute}\b.*=", file.read_text(encoding="utf-8")) is not None


@cache
def is_model(name: str) -> bool:
    """Whether the installed diffusers has a model of this name."""
    return name in _files()


@cache
def blocks_with_known_outputs() -> frozenset[str]:
    """Name the blocks of which diffusers knows what they return, as caches that leave blocks out need to."""
    text = (root() / "hooks" / "_helpers.py").read_text(encoding="utf-8")
    return frozenset(re.findall(r"TransformerBlockRegistry\.register\(\s*model_class=(\w+)", text))


@cache
def attention_backends() -> tuple[str, ...]:
    """Name the attention backends of the installed diffusers."""
    tree = ast.parse((root() / "models" / "attention_dispatch.py").read_text(encoding="utf-8"))
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "AttentionBackendName")
    return tuple(
        node.value.value
        for node in found.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )


def _class(name: str) -> ast.ClassDef | None:
    file = _files().get(name)
    if file is None:
        return None
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name), None)


@cache
def _files() -> Mapping[str, Path]:
    """Find the file that defines each model, or a part of one."""
    found: dict[str, Path] = {}
    for file in sorted((root() / "models").rglob("*.py")):
        names = re.findall(r"^class (\w+)\b", file.read_text(encoding="utf-8"), re.MULTILINE)
        found |= {name: file for name in names if name not in found}
    return found
