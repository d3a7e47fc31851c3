"""CONTRIBUTING's walk-throughs: each page is there, and no code on it escapes the test that executes the page."""

import re
from pathlib import Path

import pytest

from tests import test_plugin_guide
from tests.dataset import test_formats

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
ROW = re.compile(r"^\| an? (\w+) \| \[.*?\]\(([\w/.-]+)(?:#([\w-]+))?\) \| `([\w/.]+)` \|$", re.MULTILINE)
ROWS = {noun: tuple(rest) for noun, *rest in ROW.findall(CONTRIBUTING)}
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_there_is_a_walk_through_for_each_kind_of_plug_in_and_for_nothing_else() -> None:
    groups = re.findall(
        r'^[A-Z]+ = "synthgen\.(\w+)s"$', (ROOT / "synthgen/plugins.py").read_text("utf-8"), re.MULTILINE
    )
    assert ROWS.keys() == set(groups) == {"measure", "generator", "format", "store", "learner"}


@pytest.mark.parametrize("noun", ROWS)
def test_a_walk_through_is_where_the_table_says_and_its_test_reads_it(noun: str) -> None:
    page, anchor, test = ROWS[noun]
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    assert anchor in {"", *(heading.lower().replace(" ", "-") for heading in headings)}
    assert f"add a {noun}" in {heading.lower() for heading in headings}
    assert Path(page).name in (ROOT / test).read_text("utf-8")


@pytest.mark.parametrize("page", sorted({page for page, *_ in ROWS.values()}))
def test_no_code_of_a_walk_through_is_left_unexecuted(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    titles = {title for _, title, _ in FENCE.findall(text)}
    if page == "docs/add-a-format.md":
        names = {"synthgen_jsonl.py", "test_jsonl.py", "pyproject.toml", "output.yaml"}
        assert all(test_formats.block(name) in text for name in names)
    else:
        names = {
            "spec.yaml",
            *(f"{kind}_{each}.py" for kind in ("synthgen", "test") for each in test_plugin_guide.PACKAGES),
        }
        assert names == test_plugin_guide.FILES.keys()
        assert len(test_plugin_guide.ENTRIES) == len(test_plugin_guide.PACKAGES)
    untitled = [body for _, title, body in FENCE.findall(text) if not title]
    assert titles - {""} == {f' title="{name}"' for name in names}
    assert all(body.startswith(("[project.entry-points", "synthgen evaluate ")) for body in untitled)
