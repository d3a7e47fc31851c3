"""Check the rules of the house that no linter has: `uv run python .ci/house.py`. CONTRIBUTING.md explains them.

Prints every broken rule with its place, and exits with 1 if there is one.
"""

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "synthgen"
COMMAND_LINES = {PACKAGE / "auditing/command_line.py", PACKAGE / "evaluating/command_line.py"}
"""The files below `cli` that write command lines, for the readers of a report to copy."""
FILE_LINES = 300
BODY_LINES = 60
BLOCK_LINES = 20
"""From this length on a function should have paragraphs."""
BLOCK_SHARE = 0.20
ANY_USES = 28
"""A ceiling that only comes down. Each use has its reason beside it."""
STRING_IMPORTS = {"import_module", "__import__", "resolve_name", "run_module", "run_path", "exec", "eval"}
WRITERS = {"link", "rename", "replace", "symlink", "NamedTemporaryFile", "mkstemp", "hardlink_to", "symlink_to"}
MOVERS = {"files.py", "leftovers.py"}
"""The owners of atomic writing. No other file moves one that it wrote into place."""
PRIVATE = {"ray._private", "os._exit"}
"""The only private names of other packages. Ray has no public equal; `_exit` is public, whatever it is called."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef | ast.Module


def main() -> int:
    sys.path.insert(0, str(ROOT))  # the graph is that of this tree, whatever synthgen is installed
    trees = {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
    graph = grimp.build_graph("synthgen", cache_dir=None)
    problems = [
        *outside(trees, graph),
        *arrows_up(graph),
        *circles(graph),
        *hidden_imports(trees),
        *writers(trees),
        *private_names(trees),
        *long_files(),
        *long_functions(trees),
        *blocks(trees),
        *docstrings(trees),
        *names_twice(trees),
        *anys(trees),
        *flags(trees),
        *words(),
    ]
    for problem in problems:
        print(problem)
    print(f"house: {len(problems)} problems" if problems else "house: all rules hold")
    return 1 if problems else 0


def layers() -> list[set[str]]:
    """The rooms of each layer of the import contract, the highest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each["type"] == "layers" and each["containers"] == ["synthgen"]]
    return [set(re.findall(r"\w+", layer)) for layer in contract["layers"]]


def ranks() -> dict[str, int]:
    """The layer of each room, 0 for the highest."""
    return {room: number for number, rooms in enumerate(layers()) for room in rooms}


def outside(trees: dict[Path, ast.Module], graph: grimp.ImportGraph) -> Iterator[str]:
    """Files that the graph of imports has not: their folder is no package."""
    for path in trees:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if module not in graph.modules:
            yield f"{path.relative_to(ROOT)}: in no package, so that its imports are not checked: add an __init__.py"


def arrows_up(graph: grimp.ImportGraph) -> Iterator[str]:
    """Imports that the layers forbid, those for type checking included, and top-level modules in no layer."""
    rank = ranks()
    for module in sorted(graph.modules):
        room = module.split(".")[1:2]
        if room and room[0] not in rank:
            yield f"{module}: in no layer of the import contract"
            continue
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            other = imported.split(".")[1:2]
            if not room:
                continue  # the root's lazy face may name every room
            if not other:
                yield f"{module}: imports the root package"
            elif other != room and rank.get(other[0], 0) <= rank[room[0]]:
                yield f"{module}: imports upward, {imported}"


def circles(graph: grimp.ImportGraph) -> Iterator[str]:
    """Files that import each other, directly or around."""
    state: dict[str, int] = {}
    path: list[str] = []

    def visit(module: str) -> Iterator[str]:
        state[module] = 1
        path.append(module)
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            if state.get(imported) == 1:
                yield "circle: " + " -> ".join([*path[path.index(imported) :], imported])
            elif imported not in state:
                yield from visit(imported)
        path.pop()
        state[module] = 2

    for module in sorted(graph.modules - {"synthgen"}):
        if module not in state:
            yield from visit(module)


def hidden_imports(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Imports by string, `import_module("synthgen.api")`, and texts that name a module of a higher room."""
    rank = ranks()
    for path, tree in trees.items():
        if path == PACKAGE / "__init__.py":
            continue  # the lazy face
        own = rank.get(path.relative_to(PACKAGE).parts[0].removesuffix(".py"), len(rank))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) in STRING_IMPORTS:
                if isinstance(node.func, ast.Name) or called(node) not in {"exec", "eval"}:  # not `model.eval()`
                    yield f"{place(path, node)}: imports by string"
            elif isinstance(node, ast.ImportFrom) and STRING_IMPORTS & {each.name for each in node.names}:
                yield f"{place(path, node)}: imports by string"
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                named = re.fullmatch(r"synthgen\.(\w+)[\w.:]*", node.value)
                if named and rank.get(named[1], len(rank)) < own:
                    yield f"{place(path, node)}: names a higher room in a text, {node.value}"


def writers(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Files moved into place by anything but the owners of atomic writing."""
    for path, tree in trees.items():
        if path.name in MOVERS and path.parent == PACKAGE:
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or called(node) not in WRITERS:
                continue
            library = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") in {"os", "tempfile"}
            unmistakable = called(node) in {"NamedTemporaryFile", "mkstemp", "hardlink_to", "symlink_to"}
            onto_path = called(node) == "replace" and len(node.args) == 1 and not node.keywords
            if library or unmistakable or (onto_path and isinstance(node.func, ast.Attribute)):
                yield f"{place(path, node)}: writes a file with {called(node)}: use `draft` of synthgen/files.py"


def private_names(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Private names of other packages: they break with any version."""
    for path, tree in trees.items():
        others = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                others |= {(each.asname or each.name).partition(".")[0] for each in node.names}
                used = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom):
                others |= {each.asname or each.name for each in node.names}
                used = [f"{node.module}.{each.name}" for each in node.names]
            else:
                continue
            for name in used:
                if not name.startswith("synthgen.") and re.search(r"\._[a-z]", name):
                    yield f"{place(path, node)}: imports {name}, which is private"
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and re.fullmatch(r"_[a-zA-Z]\w*|__bases__", node.attr):
                dotted = ast.unparse(node)
                if re.match(r"\w*", dotted)[0] in others and dotted not in PRIVATE:  # type: ignore[index]
                    yield f"{place(path, node)}: uses {dotted}, which is private"


def long_files() -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if (lines := len(path.read_text("utf-8").splitlines())) > FILE_LINES:
            yield f"{path.relative_to(ROOT)}: {lines} lines, at most {FILE_LINES}"


def long_functions(trees: dict[Path, ast.Module]) -> Iterator[str]:
    for path, function in functions(trees):
        if (lines := len(body(path, function))) > BODY_LINES:
            yield f"{place(path, function)}: {function.name} has {lines} lines of body, at most {BODY_LINES}"


def blocks(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Longer functions without a blank line, if they are too many."""
    longer = [(path, each) for path, each in functions(trees) if len(body(path, each)) >= BLOCK_LINES]
    unbroken = [(path, each) for path, each in longer if all(line.strip() for line in body(path, each))]
    if len(unbroken) > BLOCK_SHARE * len(longer):
        yield f"{len(unbroken)} of {len(longer)} longer functions have no blank line, at most {BLOCK_SHARE:.0%}:"
        yield from (f"  {place(path, each)}: {each.name}" for path, each in unbroken)


def docstrings(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Docstrings whose first paragraph is no summary: missing, a section, or of several sentences' length."""
    for path, tree in trees.items():
        for node, public in documented(tree):
            text = ast.get_docstring(node)
            name = getattr(node, "name", "module")
            if text is None:
                if public and isinstance(node, ast.Module):
                    yield f"{path.relative_to(ROOT)}: no docstring"
                continue
            summary = text.strip().partition("\n\n")[0]
            if not public:
                continue
            if re.match(r"(Args|Raises|Returns|Attributes|Yields|Example)s?:", summary):
                yield f"{place(path, node)}: {name}: the docstring has no summary"
            elif not summary.rstrip("`*\"'").endswith((".", ":", "?", "!")):
                yield f"{place(path, node)}: {name}: the summary is no sentence"


def names_twice(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Public classes and type aliases with one name in two files."""
    defined = defaultdict(set)
    for path, tree in trees.items():
        for node in statements(tree):
            if isinstance(node, ast.ClassDef):
                names = [node.name]
            elif isinstance(node, ast.Assign) and is_type(node.value):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation).endswith("TypeAlias"):
                names = [ast.unparse(node.target)]
            else:
                continue
            for name in names:
                if re.fullmatch(r"[A-Z]\w*[a-z]\w*", name):
                    defined[name].add(path.relative_to(ROOT))
    for name, paths in sorted(defined.items()):
        if len(paths) > 1:
            yield f"type {name} is defined {len(paths)} times: {', '.join(map(str, sorted(paths)))}"


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module, those below `if` and `try` included."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If | ast.Try):
            waiting += [*node.body, *node.orelse]


def is_type(value: ast.expr) -> bool:
    """Whether `value`, assigned to a capitalized name, is a type: `Literal["a"]`, `A | B`, `NewType("A", int)`."""
    made = isinstance(value, ast.Call) and called(value) in {"NewType", "TypedDict", "NamedTuple", "namedtuple", "Enum"}
    return made or isinstance(value, ast.Subscript | ast.BinOp)


def anys(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Uses of `Any`, if they are too many."""
    uses = [
        place(path, node)
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "Any"
    ]
    if len(uses) >= ANY_USES:
        yield f"{len(uses)} uses of Any, fewer than {ANY_USES}"


def flags(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Options of the command line in text below `cli`: a message names the Python argument, in backticks."""
    cli = [tree for path, tree in trees.items() if path.is_relative_to(PACKAGE / "cli")]
    options = {text for tree in cli for _, text in literals(tree) if re.fullmatch("--[a-z][a-z-]+", text)}
    option = re.compile(
        rf"(?<![\w-])(?<!var\()(?:{'|'.join(sorted(options))})(?![\w-])|\bsynthgen [a-z]+ [^`]*?(?<= )-[a-z]\b"
    )

    texts = [(path, node.lineno, text) for path, tree in trees.items() for node, text in literals(tree)]
    pages = PACKAGE.rglob("*.j2")
    texts += [(page, at, line) for page in pages for at, line in enumerate(page.read_text("utf-8").splitlines(), 1)]
    for path, at, text in texts:
        if not path.is_relative_to(PACKAGE / "cli") and path not in COMMAND_LINES and (match := option.search(text)):
            yield f"{path.relative_to(ROOT)}:{at}: {match[0]!r} below cli: name the argument, in backticks"


def words() -> Iterator[str]:
    """Phrases of `.ci/words.txt` in text for users or maintainers."""
    lines = (ROOT / ".ci" / "words.txt").read_text("utf-8").splitlines()
    patterns = [
        (re.compile(pattern.strip(), re.IGNORECASE), better.strip())
        for pattern, _, better in (line.partition("=>") for line in lines if line.strip() and not line.startswith("#"))
    ]
    files = [path for end in ("*.py", "*.j2") for path in PACKAGE.rglob(end)]
    files += [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "specs").glob("*.yaml"), ROOT / "Dockerfile"]
    files += [*(ROOT / "docs/examples").glob("*"), *(ROOT / ".github").rglob("*.yml")]
    for path in sorted(files):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            for pattern, better in patterns:
                if match := pattern.search(line):
                    yield f"{path.relative_to(ROOT)}:{number}: {match[0]!r}: write {better}"


def literals(tree: ast.Module) -> Iterator[tuple[ast.Constant, str]]:
    """Every string of a file that is no docstring."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node, node.value


def functions(trees: dict[Path, ast.Module]) -> Iterator[tuple[Path, Function]]:
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield path, node


def documented(tree: ast.Module) -> Iterator[tuple[Documented, bool]]:
    """Every node that may have a docstring, and whether its name is public."""
    yield tree, True
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef):
            yield node, not node.name.startswith("_")


def body(path: Path, function: Function) -> list[str]:
    """The lines of a function below its signature and docstring."""
    first = function.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    start = (first.end_lineno or first.lineno) if has_docstring else first.lineno - 1
    return path.read_text("utf-8").splitlines()[start : function.end_lineno]


def called(call: ast.Call) -> str:
    """The last part of the name of what is called."""
    name: str = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return name


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


if __name__ == "__main__":
    sys.exit(main())
