"""Plug-ins that break their contract are refused by name, with the package to report it to."""

import sys
from pathlib import Path

import pytest
import torch

from synthgen.errors import DeviceError, ModelError, UsageError
from synthgen.generating.plugged import PluggedGenerator
from synthgen.judging.plugged import load_measure, problems
from synthgen.planning.rules import first_broken
from synthgen.plugins import GENERATORS, MEASURES, plugin
from synthgen.records import Reason, Rule
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

class Wrong(Good):
    names = ("wrong",)
    def __init__(self, code): self.code = code
    def setup(self, encoder): self.measure(None) if "setup" in self.code else None
    def measure(self, batch): return eval(self.code, {"torch": torch, "np": __import__("numpy")})

class Nameless(Good):
    names = ("nameless", 5)
    def __init__(self): pass

class Exact:
    def __init__(self, given, /, *rest, needed, min=0, **others): pass

class Several(Good):
    names = ("several",)
    def __init__(self, *rest, weight=1.0): pass

dict = dict

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
    "wrong": "Wrong",
    "nameless": "Nameless",
    "exact": "Exact",
    "built_in": "dict",
    "several": "Several",
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
        ("nameless", r"the measure nameless \(unusable 7\) is not usable: .*found \('nameless', 5\)"),
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


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("torch.zeros(2)", "it returned Tensor"),
        ("None", "it returned NoneType"),
        ("{5: torch.zeros(2)}", r"it returned \['5'\]"),
        ("{'wrong': [0.0, 0.0]}", "'wrong' is list"),
        ("{'wrong': np.array(['a', 'b'])}", "'wrong' is an array of <U1"),
        ("{'wrong': torch.zeros(2, dtype=torch.complex64)}", "'wrong' is a tensor of torch.complex64"),
        ("{'wrong': torch.zeros(2, 1)}", r"'wrong' has the shape \(2, 1\)"),
        ("{'wrong': torch.tensor(0.0)}", r"'wrong' has the shape \(\)"),
        ("{'wrong': torch.tensor([0.0, -np.inf])}", "'wrong' contains infinity"),
        ("{'wrong': np.array([0.0, 1e300])}", "'wrong' contains infinity, or a number too large"),
    ],
)
def test_scores_that_are_not_one_number_for_each_image_are_refused(code: str, found: str) -> None:
    message = rf"the measure wrong \(unusable 7\) must give \['wrong'\] for each image, .*; {found}"
    with pytest.raises(ModelError, match=message) as raised:
        load_measure(plugin(MEASURES, "wrong"), {"code": code}).measure(make_batch(2))
    assert raised.value.hint == "Report this to the authors of unusable."


@pytest.mark.parametrize(
    "column",
    ["torch.tensor([1, 0])", "np.array([1.0, 0.0])", "torch.tensor([True, False])"],
)
def test_scores_are_converted_to_float32_whatever_they_are(column: str) -> None:
    found = load_measure(plugin(MEASURES, "wrong"), {"code": f"{{'wrong': {column}}}"}).measure(make_batch(2))["wrong"]
    assert (found.dtype, found.tolist()) == (torch.float32, [1.0, 0.0])


def test_a_score_that_is_not_a_number_is_rejected_and_its_message_says_so() -> None:
    measure = load_measure(plugin(MEASURES, "wrong"), {"code": "{'wrong': torch.tensor([np.nan, 0.25])}"})
    scores = measure.measure(make_batch(2))["wrong"].tolist()
    for rule in (Rule(Reason.MEASURE, "wrong", floor=-1.0), Rule(Reason.MEASURE, "wrong", ceiling=1.0)):
        rejected = [first_broken({"wrong": score}, (rule,)) for score in scores]
        assert rejected == [rule, None]
        assert rule.explain({"wrong": scores[0]}) == f"wrong could not be measured: expected {rule.limits}"


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        ("{}['x']", KeyError, r"the measure wrong \(unusable 7\) failed .*: KeyError: 'x'"),
        ("open('/nowhere/x')", RuntimeError, r"the measure wrong \(unusable 7\) failed .*: FileNotFoundError: "),
        ("__import__('sys').exit('bye')", RuntimeError, r"the measure wrong \(unusable 7\) failed .*: SystemExit: bye"),
        (
            "(_ for _ in ()).throw(MemoryError())",
            DeviceError,
            r"ran out while the measure wrong \(unusable 7\) was",
        ),
    ],
)
def test_whatever_a_measure_raises_names_it_and_its_package(error: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        load_measure(plugin(MEASURES, "wrong"), {"code": error}).measure(make_batch(2))
    with pytest.raises(kind, match=message):
        load_measure(plugin(MEASURES, "wrong"), {"code": f"('setup', {error})"}).setup(HashedEncoder())


def test_arguments_are_compared_only_with_what_a_spec_can_give() -> None:
    assert list(problems(plugin(MEASURES, "built_in"), {"anything": 1})) == []
    assert list(problems(plugin(MEASURES, "several"), {"weight": 1})) == []
    assert list(problems(plugin(MEASURES, "several"), {"rest": 1})) == [
        ("rest", "the measure several (unusable 7) takes no 'rest'; expected one of min, max, weight")
    ]
    assert list(problems(plugin(MEASURES, "exact"), {"anything": 1})) == [
        (None, "the measure exact (unusable 7) is not usable: a spec cannot give its argument 'given'"),
        (None, "the measure exact (unusable 7) needs 'needed'"),
    ]


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
