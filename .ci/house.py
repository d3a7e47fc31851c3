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
COMMAND_LINES = PACKAGE / "auditing/command_line.py"
"""The one file below `cli` that writes command lines, for the readers of a report to copy."""
FILE_LINES = 300
BODY_LINES = 60
BLOCK_LINES = 20
"""From this length on a function should have paragraphs."""
BLOCK_SHARE = 0.20
ANY_USES = 28
"""A ceiling that only comes down. Each use has its reason beside it."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef | ast.Module


def main() -> int:
    trees = {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
    problems = [
        *arrows_up(),
        *circles(),
        *hidden_imports(trees),
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


def arrows_up() -> Iterator[str]:
    """Imports that the layers forbid, those for type checking included, and top-level modules in no layer."""
    rank = {room: number for number, rooms in enumerate(layers()) for room in rooms}
    graph = grimp.build_graph("synthgen", cache_dir=None)
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


def circles() -> Iterator[str]:
    """Files that import each other, directly or around."""
    graph = grimp.build_graph("synthgen", cache_dir=None)
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
    """Rooms named in strings that are imported: `import_module("synthgen.api")`."""
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in {"import_module", "__import__"} and path != PACKAGE / "__init__.py":
                yield f"{place(path, node)}: imports by string"


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
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                defined[node.name].add(path.relative_to(ROOT))
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                for name in names:
                    if re.fullmatch(r"[A-Z][a-z]\w*", name):
                        defined[name].add(path.relative_to(ROOT))
    for name, paths in sorted(defined.items()):
        if len(paths) > 1:
            yield f"type {name} is defined {len(paths)} times: {', '.join(map(str, sorted(paths)))}"


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
    option = re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(options))})(?![\w-])|\bsynthgen [a-z]+ [^`]*?(?<= )-[a-z]\b")

    texts = [(path, node.lineno, text) for path, tree in trees.items() for node, text in literals(tree)]
    pages = PACKAGE.rglob("*.j2")
    texts += [(page, at, line) for page in pages for at, line in enumerate(page.read_text("utf-8").splitlines(), 1)]
    for path, at, text in texts:
        if not path.is_relative_to(PACKAGE / "cli") and path != COMMAND_LINES and (match := option.search(text)):
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


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


if __name__ == "__main__":
    sys.exit(main())
