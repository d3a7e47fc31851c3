"""How pipelines and schedulers of diffusers are called, read from its source: importing it takes seconds."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

NEEDED = object()
"""The default of an argument that has none."""


class Expression(str):
    """The source text of a default that only running it would compute."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """What the source says of a pipeline's call.

    Attributes:
        name: the class.
        takes: the arguments that its call names, with their defaults: `NEEDED` if there is none, and an `Expression` if
            it is no constant. What only `**kwargs` would take does not count: it is swallowed silently.
        latents: the side of its latents if it is not asked for a size; None if a configuration decides.
        gives_sigmas: whether it hands its scheduler noise levels of its own.
        seeds_steps: whether it hands its generators to the scheduler's steps; None if other pipelines make them.
    """

    name: str
    takes: Mapping[str, object] = field(repr=False)
    latents: int | None
    gives_sigmas: bool
    seeds_steps: bool | None


@cache
def signature_of(name: str) -> Signature | None:
    """Read how a pipeline is called; None if the installed diffusers has no such class, or it has no call.

    Example:
        >>> signature_of("StableDiffusionPipeline").takes["num_inference_steps"]
        50
    """
    found = _with_bases(name)
    call = next((method for each in found if (method := _method(each, "__call__"))), None)
    if call is None:
        return None
    takes = _arguments(call)
    latents = next((side for each in found if (side := _latents(each)) is not None), None)
    return Signature(name, takes, latents, _assigns(call, "sigmas"), _seeds_steps(call))


@cache
def arguments_of(scheduler: str, method: str) -> Mapping[str, object] | None:
    """Return the arguments of a scheduler's method as `Signature.takes` has them; None if it is not in diffusers."""
    found = next((one for each in _with_bases(scheduler) if (one := _method(each, method))), None)
    return _arguments(found) if found else None


@cache
def annotations_of(scheduler: str, method: str) -> Mapping[str, str]:
    """Return the source text of the types of a scheduler's arguments; nothing of those that have none."""
    found = _found(scheduler, method)
    given = (*found.args.args, *found.args.kwonlyargs) if found else ()
    return {one.arg: ast.unparse(one.annotation) for one in given if one.annotation}


@cache
def texts_compared(scheduler: str, name: str) -> tuple[str, ...]:
    """Return the texts that a scheduler compares a setting with: those that it knows; nothing if it compares none.

    Example:
        >>> texts_compared("EulerAncestralDiscreteScheduler", "timestep_spacing")
        ('leading', 'linspace', 'trailing')
    """
    found = set[str]()
    for node in (one for each in _with_bases(scheduler) for one in ast.walk(each) if isinstance(one, ast.Compare)):
        if any(_named(side) == name for side in (node.left, *node.comparators)):
            below = (part for side in (node.left, *node.comparators) for part in ast.walk(side))
            found |= {part.value for part in below if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    return tuple(sorted(found))


@cache
def is_read(scheduler: str, name: str) -> bool:
    """Whether a scheduler looks at a setting that it takes. LCM's ignores `timestep_spacing`, for example."""
    bodies = (part for each in _with_bases(scheduler) for method in each.body for part in _statements(method))
    return any(_named(node) == name for part in bodies for node in ast.walk(part) if isinstance(node, ast.expr))


def _statements(node: ast.stmt) -> list[ast.stmt]:
    return node.body if isinstance(node, ast.FunctionDef) else []


def _named(node: ast.expr) -> str | None:
    """Return `x` of `x` and of `self.config.x`."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


@cache
def returned_by(pipeline: str, method: str) -> tuple[str, ...]:
    """Name what a pipeline's method returns, in its order; nothing if it has no such method.

    Example:
        >>> returned_by("FluxPipeline", "encode_prompt")
        ('prompt_embeds', 'pooled_prompt_embeds', 'text_ids')
    """
    found = _found(pipeline, method)
    last = next((node.value for node in reversed(found.body) if isinstance(node, ast.Return)), None) if found else None
    parts = last.elts if isinstance(last, ast.Tuple) else [last] if last else []
    named = [next((one.id for one in _walked(part) if isinstance(one, ast.Name)), "") for part in parts]
    return tuple(named)


@cache
def source_of(pipeline: str, method: str) -> str:
    """Return the code of a pipeline's method, without comments; nothing if it has no such method."""
    found = _found(pipeline, method)
    return ast.unparse(found) if found else ""


@cache
def constant_of(pipeline: str, name: str) -> str | None:
    """Return a text in the code of a pipeline: of `NAME = "..."`, there or beside it, or `self.NAME = "..."`."""
    file = _files().get(pipeline)
    for each in sorted(file.parent.glob("*.py"), key=lambda one: one != file) if file else ():
        for node in ast.walk(ast.parse(each.read_text(encoding="utf-8"))):
            match node:
                case ast.Assign([ast.Name(id=own) | ast.Attribute(attr=own)], ast.Constant(str(text))) if own == name:
                    return text
    return None


def _found(name: str, method: str) -> ast.FunctionDef | None:
    return next((one for each in _with_bases(name) if (one := _method(each, method))), None)


def _walked(node: ast.expr) -> Iterator[ast.AST]:
    """Walk an expression from its value on: of `a if b else c`, from `a`."""
    return ast.walk(node.body if isinstance(node, ast.IfExp) else node)


@cache
def is_replaceable(scheduler: str) -> bool:
    """Whether diffusers lists a scheduler among those that may take each other's place."""
    listed = _with_bases("KarrasDiffusionSchedulers")[0].body
    if scheduler in {target.id for node in listed if isinstance(node, ast.Assign) for target in _names(node)}:
        return True
    return any(
        isinstance(node, ast.Assign)
        and any(target.id == "_compatibles" for target in _names(node))
        and "KarrasDiffusionSchedulers" in ast.unparse(node.value)
        for own in _with_bases(scheduler)[:1]
        for node in own.body
    )


@cache
def mixins_of(name: str) -> frozenset[str]:
    """Name the bases of a pipeline, and theirs, such as `StableDiffusionLoraLoaderMixin`."""
    return frozenset(base.id for each in _with_bases(name) for base in each.bases if isinstance(base, ast.Name))


@cache
def loads(pipeline: str, kind: str) -> bool:
    """Whether what loads a pipeline's LoRAs speaks of a kind of weights, such as `lokr_`."""
    source = (root() / "loaders" / "lora_pipeline.py").read_text(encoding="utf-8")
    parts = re.split(r"^class (\w+)\b", source, flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    return any(kind in found.get(mixin, "") for mixin in mixins_of(pipeline))


@cache
def pipeline_names() -> tuple[str, ...]:
    """Name all pipelines of the installed diffusers, by their source."""
    return tuple(sorted(name for name in _files() if name.endswith("Pipeline")))


@cache
def auto_names(task: str) -> tuple[str, ...]:
    """Name the pipelines of one of diffusers' own lists: `TEXT2IMAGE`, `IMAGE2IMAGE` or `INPAINT`, each once."""
    return tuple(dict.fromkeys(auto_families(task).values()))


@cache
def auto_families(task: str) -> Mapping[str, str]:
    """Map diffusers' names of families to their pipelines for a task: `TEXT2IMAGE`, `IMAGE2IMAGE` or `INPAINT`."""
    tree = ast.parse((root() / "pipelines" / "auto_pipeline.py").read_text(encoding="utf-8"))
    mapping, found = f"AUTO_{task}_PIPELINES_MAPPING", dict[str, str]()
    for node in ast.walk(tree):
        match node:
            case ast.Assign([ast.Name(id=name)], ast.Call(args=[ast.List(elts=pairs)])) if name == mapping:
                found |= dict(_pairs(pairs))
            case ast.Assign([ast.Subscript(ast.Name(id=name), ast.Constant(str(key)))], ast.Name(id=pipeline)):
                if name == mapping:  # where a package is installed
                    found[key] = pipeline
    return found


@cache
def single_file_classes() -> frozenset[str]:
    """Name the models of diffusers that can be opened from one file of weights."""
    tree = ast.parse((root() / "loaders" / "single_file_model.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        match node:
            case ast.Assign([ast.Name(id="SINGLE_FILE_LOADABLE_CLASSES")], ast.Dict(keys=keys)):
                return frozenset(str(key.value) for key in keys if isinstance(key, ast.Constant))
    return frozenset()


def _pairs(pairs: list[ast.expr]) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        match pair:
            case ast.Tuple(elts=[ast.Constant(value=str(key)), ast.Name(id=name)]):
                yield key, name


def root() -> Path:
    spec = find_spec("diffusers")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


@cache
def _files() -> Mapping[str, Path]:
    """Find the file that defines each pipeline and scheduler."""
    found: dict[str, Path] = {}
    for folder, pattern in (("pipelines", "pipeline*.py"), ("schedulers", "scheduling_*.py")):
        for file in sorted((root() / folder).rglob(pattern)):
            names = re.findall(rb"\nclass (\w+)", file.read_bytes())  # without decoding: there are 20 MB of them
            found |= {name.decode(): file for name in names if name.decode() not in found}
    return found


@cache
def _with_bases(name: str) -> tuple[ast.ClassDef, ...]:
    """Parse a class, and then its bases that are pipelines or schedulers too."""
    file = _files().get(name)
    if file is None:
        return ()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    bases = [one.id for one in found.bases if isinstance(one, ast.Name) and one.id != name]
    return found, *(each for base in bases for each in _with_bases(base))


def _names(node: ast.Assign) -> Iterator[ast.Name]:
    return (target for target in node.targets if isinstance(target, ast.Name))


def _assigns(call: ast.FunctionDef, name: str) -> bool:
    return any(isinstance(node, ast.Assign) and any(one.id == name for one in _names(node)) for node in ast.walk(call))


def _method(found: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((node for node in found.body if isinstance(node, ast.FunctionDef) and node.name == name), None)


def _arguments(function: ast.FunctionDef) -> dict[str, object]:
    given = function.args
    plain = [one.arg for one in (*given.posonlyargs, *given.args)][1:]  # without self
    found = dict.fromkeys(plain, NEEDED)
    found |= {name: _value(node) for name, node in zip(reversed(plain), reversed(given.defaults), strict=False)}
    named = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    return found | {one.arg: NEEDED if node is None else _value(node) for one, node in named}


def _value(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return Expression(ast.unparse(node))


def _latents(found: ast.ClassDef) -> int | None:
    """Find `self.default_sample_size = 128`; where it is read from a configuration, there is none."""
    for node in ast.walk(_method(found, "__init__") or ast.Module([], [])):
        match node:
            case ast.Assign(targets=[ast.Attribute(attr="default_sample_size")], value=ast.Constant(value=int(side))):
                return side
    return None


def _seeds_steps(call: ast.FunctionDef) -> bool | None:
    steps = [
        node
        for node in ast.walk(call)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "step"
    ]
    # What `prepare_extra_step_kwargs` returns has the generator, if the scheduler's step takes one.
    return any(word.arg in (None, "generator") for step in steps for word in step.keywords) if steps else None
