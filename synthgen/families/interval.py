"""Whether guidance can be switched between a pipeline's steps: found out from its source.

Where a pipeline is called with guidance, its arrays have the shapes for both outputs of its network. So guidance is not
turned off midway: the number that it multiplies with changes. That is right if the source only multiplies and compares
the number, and if without guidance the guided output alone is left.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType

from synthgen.families.signature import source_of
from synthgen.families.table import Guidance

_ARGUMENTS: Mapping[Guidance, str] = MappingProxyType(
    {Guidance.SCALE: "guidance_scale", Guidance.LESS_ONE: "guidance_scale", Guidance.TRUE: "true_cfg_scale"}
)
_EMBEDDED = ("time_cond_proj_dim", "guidance_embeds")
"""What is asked before a number goes into the weights of distilled models."""
_STEP = "self.scheduler.step"
_HARMLESS = ("check_inputs", "encode_prompt", "warning", "super")
"""Methods that check the number, or ask whether there is guidance."""


def guidance_argument(guidance: Guidance) -> str | None:
    """Return the argument that is multiplied with; None if none is."""
    return _ARGUMENTS.get(guidance)


@cache
def switchable(pipeline: str, guidance: Guidance) -> bool:
    """Whether guidance can act in some of a pipeline's steps only.

    Example:
        >>> switchable("StableDiffusionPipeline", Guidance.SCALE), switchable("Kandinsky3Pipeline", Guidance.SCALE)
        (True, False)
    """
    if guidance is Guidance.GUIDER:
        return True  # the guiders of diffusers have a start and a stop
    argument, source = _ARGUMENTS.get(guidance), source_of(pipeline, "__call__")
    if argument is None or not source:
        return False
    call = ast.parse(source).body[0]
    names = _names(call, argument)
    uses = [_use(above, node) for above, node in _pairs(call) if _named(node) in names]
    usual = sum(_is_usual(node, names, guidance) for node in ast.walk(call))
    return 0 < usual == uses.count("multiplied") and "other" not in uses and _steps_once(call)


def steps_between(interval: Sequence[float], steps: int) -> range:
    """Return the steps in which guidance acts, as the guiders of diffusers count them.

    Example:
        >>> steps_between((0.2, 0.8), 10)
        range(2, 8)
    """
    return range(int(interval[0] * steps), int(interval[1] * steps))


def _is_usual(node: ast.AST, names: set[str], guidance: Guidance) -> bool:
    """Whether a sum is unguided + number (guided - unguided), or with one less guided + number (guided - unguided)."""
    match node:
        case ast.BinOp(base, ast.Add(), ast.BinOp(number, ast.Mult(), ast.BinOp(guided, ast.Sub(), unguided))):
            expected = guided if guidance is Guidance.LESS_ONE else unguided
            return _named(number) in names and ast.unparse(base) == ast.unparse(expected)
    return False


def _steps_once(call: ast.stmt) -> bool:
    """Whether its loop asks its scheduler for one step in each turn: these are counted."""
    loops = [node for node in ast.walk(call) if isinstance(node, ast.For)]
    of_loops = [
        sum(ast.unparse(node.func) == _STEP for node in ast.walk(loop) if isinstance(node, ast.Call)) for loop in loops
    ]
    return [count for count in of_loops if count] == [1]


def _names(call: ast.stmt, argument: str) -> set[str]:
    """Name everything that the number is kept as."""
    names = {argument, f"self.{argument}", f"self._{argument}"}
    for node in ast.walk(call):
        if isinstance(node, ast.Assign) and _named(node.value) in names:
            names |= {name for target in node.targets if (name := _named(target))}
    return names


def _pairs(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield each node with the one above it, without what is only done for distilled models."""
    for child in ast.iter_child_nodes(node):
        if (
            isinstance(node, ast.If)
            and child in node.body
            and any(word in ast.unparse(node.test) for word in _EMBEDDED)
        ):
            continue
        if isinstance(child, ast.keyword):
            yield node, child.value
            yield from _pairs(child.value)
            continue
        yield node, child
        yield from _pairs(child)


def _is_embedded(test: ast.expr) -> bool:
    return any(word in ast.unparse(test) for word in _EMBEDDED)


def _named(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return f"self.{node.attr}"
    return None


def _use(above: ast.AST, node: ast.AST) -> str:
    match above:
        case ast.BinOp(left=left, op=ast.Mult()) if left is node:
            return "multiplied"
        case ast.Compare() | ast.Assign() | ast.arguments() | ast.FormattedValue():
            return "read"
        case ast.Call(func=ast.Attribute(attr=name)) if name in _HARMLESS:
            return "read"
    return "other"
