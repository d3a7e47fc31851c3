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
from dataclasses import replace

import torch

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

def changing(change):
    class Changing(Good):
        def render(self, candidates): return change(super().render(candidates))
    return Changing

def with_images(image):
    return changing(lambda done: [replace(one, image=image(at), failure=None) for at, one in enumerate(done)])

Nothing = changing(lambda done: None)
Tuples = changing(lambda done: [(one.candidate, one.image) for one in done])
Floats = with_images(lambda at: torch.rand(3, 8, 8))
Grey = with_images(lambda at: torch.zeros(8, 8, dtype=torch.uint8))
Flat = with_images(lambda at: torch.zeros(3, 0, 8, dtype=torch.uint8))
Arrays = with_images(lambda at: torch.zeros(3, 8, 8, dtype=torch.uint8).numpy())
Sizes = with_images(lambda at: torch.zeros(3, 8, 8 + at, dtype=torch.uint8))
Excuses = changing(lambda done: [replace(one, image=None, failure="no") for one in done])

class Idle(Good):
    batch_size = property(lambda self: 0, lambda self, value: None)

class Quiet(Good):
    def provenance(self): return {"device": 5}
"""
BAD_BATCHES = {
    "nothing": "give a list of Rendered, found NoneType",
    "tuples": "give a list of Rendered, found list",
    "floats": r"give images that are uint8 \[3, height, width\], found torch.float32 \[3, 8, 8\]",
    "grey": r"give images that are uint8 \[3, height, width\], found torch.uint8 \[8, 8\]",
    "flat": r"give images that are uint8 \[3, height, width\], found torch.uint8 \[3, 0, 8\]",
    "arrays": "give images that are torch tensors, found ndarray",
    "sizes": "give images of one size, found",
    "excuses": "give a Failure where it has no image, found str",
}
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
    for name in (*BAD_BATCHES, "idle", "quiet"):
        generators += f"\n{name} = unusable_generators:{name.capitalize()}"
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


@pytest.mark.parametrize("name", BAD_BATCHES)
def test_a_generator_that_gives_something_else_than_images_is_refused(name: str) -> None:
    generator = PluggedGenerator(plugin(GENERATORS, name), MODEL, "cpu", 32)
    with pytest.raises(ModelError, match=rf"the generator {name} \(unusable 7\) must {BAD_BATCHES[name]}") as raised:
        generator.render(make_candidates(3))
    assert raised.value.hint == "Report this to the authors of unusable."


def test_a_generator_without_a_batch_size_or_with_facts_that_are_no_text_is_refused() -> None:
    with pytest.raises(ModelError, match=r"idle \(unusable 7\) must have a `batch_size` of at least 1, found 0"):
        _ = PluggedGenerator(plugin(GENERATORS, "idle"), MODEL, "cpu", 32).batch_size
    with pytest.raises(ModelError, match=r"quiet \(unusable 7\) must give a `provenance` that maps texts to texts"):
        PluggedGenerator(plugin(GENERATORS, "quiet"), MODEL, "cpu", 32).provenance()
