"""What the documentation site has that no file of `docs/` holds: a hook of MkDocs, see mkdocs.yml.

- README, ARCHITECTURE, CONTRIBUTING and SECURITY are pages of the site, from their one copy at the root.
- Links that leave `docs/` lead to the repository, whose address is `project.urls` in pyproject.toml.
- The reference of the command line is written from the commands themselves.
- The scripts of `docs/examples` are shown where `examples.md` names them.
"""

import posixpath
import re
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import typer.core
import typer.main
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from synthgen.cli import app

ROOT = Path(__file__).parents[1]
AT_ROOT = {
    "index.md": "README.md",
    "architecture.md": "ARCHITECTURE.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
}
"""Pages of the site, and the files at the repository's root that they are."""
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_ELSEWHERE = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//|<link\b[^>]*stylesheet[^>]*\bhref=\"?https?:"
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Take the addresses of site and repository from pyproject.toml."""
    config.site_url = addresses()["Documentation"] + "/"
    repository = {"icon": "fontawesome/brands/git-alt", "link": addresses()["Repository"], "name": "Repository"}
    config.extra["social"] = [repository]
    config.copyright = "Apache-2.0, the bundled models included"
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie at the repository's root."""
    for page, source in AT_ROOT.items():
        text = (ROOT / source).read_text("utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to where the site has their targets, and fill the pages that are generated."""
    name = page.file.src_uri
    folder = "" if name in AT_ROOT else posixpath.join("docs", posixpath.dirname(name))
    markdown = outside_fences(markdown, lambda text: _LINK.sub(lambda link: resolved(link, folder, name), text))
    if name == "commands.md":
        markdown += commands()
    if name == "examples.md":
        markdown = re.sub(r"<!-- (examples/\w+\.py) -->", shown, markdown)
    return markdown


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse what a reader's browser would fetch from another host.

    Raises:
        PluginError: the page names such a thing.
    """
    if found := _ELSEWHERE.search(output):
        raise PluginError(f"{page.file.src_uri} needs another host: {output[found.start() : found.start() + 120]}")
    return output


@cache
def addresses() -> dict[str, str]:
    urls: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
    return urls


def outside_fences(markdown: str, change: Callable[[str], str]) -> str:
    parts, end = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [change(markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, change(markdown[end:])])


def resolved(link: re.Match[str], folder: str, page: str) -> str:
    """A link as the site has it: to a page, to a file of `docs/`, or to the repository."""
    target, anchor = posixpath.normpath(posixpath.join(folder, link[1])), link[2] or ""
    if not (ROOT / target).exists():
        return link[0]  # MkDocs reports it
    pages = {source: name for name, source in AT_ROOT.items()}
    if target in pages:
        inside = pages[target]
    elif target.startswith("docs/"):
        inside = target.removeprefix("docs/")
    else:
        return f"{addresses()['Repository']}/blob/main/{target}{anchor}"
    return posixpath.relpath(inside, posixpath.dirname(page) or ".") + anchor


def shown(example: re.Match[str]) -> str:
    return f"```python\n{(ROOT / 'docs' / example[1]).read_text('utf-8').strip()}\n```"


def commands() -> str:
    """A section for each command: what it does, its arguments and its options."""
    group = typer.main.get_group(app)
    sections = []
    for name, command in group.commands.items():
        assert isinstance(command, typer.core.TyperCommand), f"{name} has commands of its own: write them too"
        sections.append(section(name, command))
    return "\n".join(["", "## Every option", "", *sections])


def section(name: str, command: typer.core.TyperCommand) -> str:
    context = typer.Context(command, info_name=f"synthgen {name}")
    usage = " ".join(command.collect_usage_pieces(context))
    rows = []
    for parameter in command.get_params(context):
        if (record := parameter.get_help_record(context)) is not None and parameter.name != "help":
            left, right = (text.replace("|", "\\|").strip() for text in record)
            rows.append(f"| `{left}` | {right} |")
    table = ["| argument or option | meaning |", "| --- | --- |", *rows, ""] if rows else []
    lines = [f"### synthgen {name}", "", f"```\nsynthgen {name} {usage}\n```", "", (command.help or "").strip(), ""]
    return "\n".join([*lines, *table])
