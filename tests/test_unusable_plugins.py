"""Plug-ins that break their contract are refused by name, with the package to report it to."""

import sys
from pathlib import Path

import pytest

from synthgen.errors import ModelError, UsageError
from synthgen.generating.plugged import PluggedGenerator
from synthgen.judging.plugged import load_measure, problems
from synthgen.plugins import GENERATORS, MEASURES, plugin
from synthgen.spec import ModelSpec
from synthgen.testing import HashedEncoder, make_batch, make_candidates
from tests.installed import install

MEASURES_TEXT = """
import torch

NOT_CALLABLE = 5

class Good:
    names = ("good", "good_too")
    def __init__(self, *, needed, weight=1.0): self.weight = weight
    def setup(self, encoder): pass
    def measure(self, batch): return {name: torch.full((len(batch.images),), self.weight) for name in self.names}

class Failing(Good):
    def __init__(self): raise RuntimeError("no weights here")

class Misnamed(Good):
    names = ("other",)
    def __init__(self): pass

class Stray(Good):
    names = ("stray", "clip_score")
    def __init__(self): pass

class Bare:
    names = ("bare",)

class Short(Good):
    names = ("short",)
    def __init__(self): pass
    def measure(self, batch): return {"short": torch.zeros(1)}

class Talkative(Good):
    names = ("talkative",)
    def __init__(self): pass
    def measure(self, batch): return {"talkative": torch.zeros(len(batch.images)), "more": torch.zeros(1)}
"""
ENTRIES = {
    "good": "Good",
    "number": "NOT_CALLABLE",
    "failing": "Failing",
    "misnamed": "Misnamed",
    "stray": "Stray",
    "bare": "Bare",
    "short": "Short",
    "talkative": "Talkative",
}
GENERATORS_TEXT = """
from synthgen.testing import NoiseGenerator

NOT_CALLABLE = 5

class Good(NoiseGenerator):
    def __init__(self, model, device, largest_batch): super().__init__(batch_size=1000)

class Failing(Good):
    def __init__(self, model, device, largest_batch): raise RuntimeError("no weights here")

class Bare:
    def __init__(self, model, device, largest_batch): pass

class Forgetful(Good):
    def render(self, candidates): return super().render(candidates)[1:]
"""
MODEL = ModelSpec(id="plugin:good/some/weights")


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("unusable_measures", "unusable_generators"):
        sys.modules.pop(module, None)
    measures = "\n".join(f"{name} = unusable_measures:{attribute}" for name, attribute in ENTRIES.items())
    generators = "\n".join(
        f"{name} = unusable_generators:{attribute}"
        for name, attribute in (("good", "Good"), ("number", "NOT_CALLABLE"), ("failing", "Failing"), ("bare", "Bare"))
    )
    generators += "\nforgetful = unusable_generators:Forgetful"
    texts = {"unusable_measures": MEASURES_TEXT, "unusable_generators": GENERATORS_TEXT}
    install(tmp_path, "unusable", "7", texts, {MEASURES: measures, GENERATORS: generators})


def test_a_measure_is_made_with_its_arguments_and_says_so() -> None:
    measure = load_measure(plugin(MEASURES, "good"), {"weight": 0.5, "needed": [1]})
    measure.setup(HashedEncoder())
    assert measure.names == ("good", "good_too")
    assert measure.measure(make_batch(2))["good_too"].tolist() == [0.5, 0.5]
    assert measure.provenance == 'unusable 7 {"needed": [1], "weight": 0.5}'


def test_arguments_are_compared_with_what_the_measure_takes() -> None:
    found = dict(problems(plugin(MEASURES, "good"), {"wieght": 0.5}))
    assert found == {
        "wieght": "the measure good (unusable 7) takes no 'wieght'; expected one of min, max, needed, weight",
        None: "the measure good (unusable 7) needs 'needed'",
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("number", r"the measure number \(unusable 7\) is not usable: expected a class or a function, found int"),
        ("failing", r"the measure failing \(unusable 7\) cannot be made: RuntimeError: no weights here"),
        ("misnamed", r"the measure misnamed \(unusable 7\) is not usable: .*found \('other',\)"),
        (
            "stray",
            r"the measure stray \(unusable 7\) is not usable: .*begin with 'stray_', found \('stray', 'clip_score'",
        ),
        ("bare", r"the measure bare \(unusable 7\) is not usable"),
    ],
)
def test_a_measure_that_cannot_be_used_is_refused_when_it_is_made(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        load_measure(plugin(MEASURES, name), {})
    assert raised.value.hint


@pytest.mark.parametrize("name", ["short", "talkative"])
def test_a_measure_that_gives_other_columns_than_announced_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match=rf"the measure {name} \(unusable 7\) must give \['{name}'\] for each image"):
        load_measure(plugin(MEASURES, name), {}).measure(make_batch(2))


def test_a_generator_is_kept_to_the_window_and_its_package_is_in_its_provenance() -> None:
    generator = PluggedGenerator(plugin(GENERATORS, "good"), MODEL, "cpu", 32)
    generator.setup()
    assert generator.batch_size == 32
    assert len(generator.render(make_candidates(3))) == 3
    assert generator.provenance() == {"model": "plugin:good/some/weights", "device": "cpu", "plugin": "unusable 7"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("number", r"the generator number \(unusable 7\) is not usable: it is not a class or a function"),
        ("failing", r"the generator failing \(unusable 7\) cannot be made: RuntimeError: no weights here"),
        ("bare", r"the generator bare \(unusable 7\) is not usable: it has no 'setup'"),
    ],
)
def test_a_generator_that_cannot_be_used_is_refused_when_it_is_made(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        PluggedGenerator(plugin(GENERATORS, name), MODEL, "cpu", 32)
    assert raised.value.hint


def test_a_generator_that_forgets_a_candidate_is_refused() -> None:
    with pytest.raises(ModelError, match=r"the generator forgetful \(unusable 7\) must give one image or one failure"):
        PluggedGenerator(plugin(GENERATORS, "forgetful"), MODEL, "cpu", 32).render(make_candidates(3))
