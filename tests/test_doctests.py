"""The examples in the docstrings of the Python face run, and every public function and result has one."""

import doctest
import inspect
import pathlib
from collections.abc import Iterator
from pathlib import Path

import datasets
import pandas
import pytest

import synthgen

SPEC = """\
synthgen: 1
name: quickstart
model: {id: "bundled:workers", steps: 2, batch_size: 8}
classes: {doctor: 4, chef: 4}
prompts: {templates: ["a {class}"]}
attributes: {skin_tone: {values: {light: ["light skin"], dark: ["dark skin"]}}}
filters: {label: {min_posterior: 0.01}}
"""
WITHOUT = {"Spec"}
"""Its docstring is part of the schema's text; `load_spec` has the example."""


def public() -> list[str]:
    found = {name: getattr(synthgen, name) for name in vars(synthgen)["__all__"] if name not in WITHOUT}
    return sorted(
        name
        for name, value in found.items()
        if inspect.isfunction(value) or (inspect.isclass(value) and not issubclass(value, Exception))
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a small spec, and a run of it."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "specs").mkdir()
    (folder / "specs/quickstart.yaml").write_text(SPEC)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        synthgen.run("specs/quickstart.yaml", "outputs/quickstart")
        yield folder


@pytest.mark.parametrize("name", public())
def test_the_example_of_a_public_name_runs(name: str, folder: Path) -> None:
    assert Path.cwd() == folder
    names = {"synthgen": synthgen, "datasets": datasets, "pandas": pandas, "pathlib": pathlib}
    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(synthgen, name), name, globs=names)
    assert example.examples, f"{name} has no example"
    report: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(example, out=report.append)
    assert not result.failed, "".join(report)
    assert all(shown.want for shown in example.examples[-1:]), f"the example of {name} shows nothing"
