"""Wrong arguments of the Python face are named, with what was expected."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synthgen
from synthgen.errors import UsageError

SPEC: dict[str, object] = {
    "synthgen": 1,
    "name": "small",
    "model": {"id": "bundled:workers", "steps": 1},
    "classes": {"doctor": 2},
    "prompts": {"templates": ["a {class}"]},
    "filters": {"label": {"min_posterior": 0.01}},
}
face: Any = synthgen  # these calls are wrong on purpose

WRONG: list[tuple[str, Callable[[], object], str, str]] = [
    ("load_spec(int)", lambda: face.load_spec(3), "source", "expected a path, a YAML text or a mapping, found int"),
    ("load_spec(bytes)", lambda: face.load_spec(b"x.yaml"), "source", "found bytes"),
    ("load_spec(empty)", lambda: face.load_spec(""), "source", "expected a path, found an empty text"),
    ("a Path in a mapping", lambda: face.load_spec({"name": Path("x")}), "source", "cannot be written as YAML"),
    ("one override", lambda: face.load_spec(SPEC, "seed=3"), "overrides", "expected a list of texts, found one text"),
    ("overrides of numbers", lambda: face.load_spec(SPEC, [3]), "overrides", "found one that holds int"),
    ("overrides as a mapping", lambda: face.load_spec(SPEC, {"seed": 3}), "overrides", "found dict"),
    ("plan(None)", lambda: face.plan(None), "spec", "expected a path, a YAML text or a mapping, found NoneType"),
    ("forecast(spec)", lambda: face.forecast(face.load_spec(SPEC)), "planned", "expected a plan, found Spec"),
    ("run(list)", lambda: face.run([SPEC]), "spec", "found list"),
    ("evaluate(image_size=)", lambda: face.evaluate("a", "b", image_size="64"), "image_size", "found str"),
    ("evaluate(steps=0)", lambda: face.evaluate("a", "b", learner="timm:resnet18", steps=0), "steps", "at least 20"),
    ("evaluate(group=3)", lambda: face.evaluate("a", "b", group=3), "group", "expected a list of texts, found"),
    ("evaluate(suggest='')", lambda: face.evaluate("a", "b", suggest=""), "suggest", "expected a path, found ''"),
    ("evaluate(suggest=.txt)", lambda: face.evaluate("a", "b", suggest="e.txt"), "suggest", "ends in .json"),
    ("evaluate(learner=3)", lambda: face.evaluate("a", "b", learner=3), "learner", "found int"),
    ("run(location=3)", lambda: face.run(SPEC, 3), "location", "expected a path as str or os.PathLike, found int"),
    ("run(location='')", lambda: face.run(SPEC, ""), "location", "found an empty text"),
    ("run(location=bytes)", lambda: face.run(SPEC, b"run"), "location", "found bytes"),
    ("run(device=)", lambda: face.run(SPEC, "run", device="cpu"), "device", "run takes several devices, as `devices`"),
    ("run(devices=list)", lambda: face.run(SPEC, "run", devices=["cpu"]), "devices", "found list"),
    ("run(devices=gpu)", lambda: face.run(SPEC, "run", devices="gpu"), "devices", "expected auto, cpu, cpu:N"),
    ("run(executor=)", lambda: face.run(SPEC, "run", executor="slurm"), "executor", "expected local or ray"),
    ("begin(location=None)", lambda: face.begin(SPEC, None), "location", "found None"),
    ("work(location=None)", lambda: face.work(None), "location", "found None"),
    ("work(devices=)", lambda: face.work("run", devices="cpu"), "devices", "work takes one device, as `device`"),
    ("work(device=cpu:2)", lambda: face.work("run", device="cpu:2"), "device", "expected one device, found 'cpu:2'"),
    ("work(index)", lambda: face.work("run", 3, 3), "index", "3 is out of range: with `of=3` it is 0 to 2"),
    ("work(index=text)", lambda: face.work("run", "0", 3), "index", "expected a whole number, found str"),
    ("work(of=0)", lambda: face.work("run", 0, 0), "of", "expected at least 1, found 0"),
    ("finalize(3)", lambda: face.finalize(3), "location", "found int"),
    ("status(3)", lambda: face.status(3), "location", "found int"),
    ("verify(3)", lambda: face.verify(3), "location", "found int"),
    ("repair(3)", lambda: face.repair(3), "location", "found int"),
    ("rejudge(one text)", lambda: face.rejudge("run", "seed=3"), "overrides", "found one text"),
    ("rejudge(nothing)", lambda: face.rejudge("run", []), "overrides", "nothing to apply"),
    ("rejudge(output=3)", lambda: face.rejudge("run", ["seed=3"], 3), "output", "found int"),
    ("replay(device=cuda:0,2)", lambda: face.replay("run", "x", "cuda:0,2"), "device", "names several"),
    ("replay(devices=)", lambda: face.replay("run", "x", devices="cpu"), "devices", "as `device`"),
    ("replay(number)", lambda: face.replay("run", 12), "image_id", "expected the id of an attempt, found int"),
    ("preview(path=3)", lambda: face.preview(SPEC, 1, 3), "path", "found int"),
    ("preview(count=0)", lambda: face.preview(SPEC, 0, "x.html"), "count", "expected at least 1, found 0"),
    ("preview(count=text)", lambda: face.preview(SPEC, "4", "x.html"), "count", "found str"),
    ("preview(count=True)", lambda: face.preview(SPEC, True, "x.html"), "count", "found bool"),
    ("preview(device=cpu:2)", lambda: face.preview(SPEC, 1, "x.html", "cpu:2"), "device", "names several"),
    ("preview(devices=)", lambda: face.preview(SPEC, 1, "x.html", devices="cpu"), "devices", "as `device`"),
    ("pilot(folder=3)", lambda: face.pilot(SPEC, 3), "folder", "found int"),
    ("pilot(count=0)", lambda: face.pilot(SPEC, "pilot", 0), "count", "expected at least 1"),
    ("pilot(device=)", lambda: face.pilot(SPEC, "pilot", device="cpu"), "device", "as `devices`"),
    ("calibrate(labels=3)", lambda: face.calibrate(SPEC, "pilot", 3), "labels", "found int"),
    ("calibrate(precision)", lambda: face.calibrate(SPEC, "pilot", "x.csv", 95), "precision", "less than 1, found 95"),
    ("calibrate(confidence)", lambda: face.calibrate(SPEC, "p", "x.csv", 0.9, "x"), "confidence", "found str"),
    ("keep_share(keep)", lambda: face.keep_share(SPEC, "pilot", 1.2), "keep", "at most 1, found 1.2"),
    ("begin(text=3)", lambda: face.begin(SPEC, "run", 3), "text", "expected the text of a spec, found int"),
    ("run(extend=text)", lambda: face.run(SPEC, "run", extend="no"), "extend", "expected True or False, found str"),
    ("audit(devices=)", lambda: face.audit("set", devices="cpu"), "devices", "an audit takes one device, as `device`"),
    ("audit(empty)", lambda: face.audit(""), "place", "expected a set of images, found ''"),
    ("audit(compare=list)", lambda: face.audit("set", compare=["a"]), "compare", "expected a set of images"),
    ("audit(trust=text)", lambda: face.audit("set", trust="no"), "trust", "expected True or False, found 'no'"),
    ("audit(cache='')", lambda: face.audit("set", cache=""), "cache", "expected a path, found ''"),
    ("audit(judges=text)", lambda: face.audit("set", judges="a"), "judges", "expected a list, found the text 'a'"),
    ("keep_share(no pilot)", lambda: face.keep_share(SPEC, "pilot", 0.5), "folder", "there is no pilot in pilot"),
]


@pytest.mark.parametrize(("call", "argument", "message"), [pytest.param(*each, id=name) for name, *each in WRONG])
def test_a_wrong_argument_is_named_with_what_was_expected(
    call: Callable[[], object], argument: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as refused:
        call()
    assert refused.value.argument == argument
    assert message in refused.value.message
    assert "--" not in f"{refused.value} {refused.value.hint}", "that is the command line's"
    assert not any(tmp_path.iterdir())


REQUIRED: dict[str, object] = {
    "spec": SPEC, "source": SPEC, "planned": SPEC, "location": "run", "place": "set", "count": 1, "folder": "folder",
    "path": "sheet.html", "labels": "labels.csv", "keep": 0.5, "overrides": ["seed=1"], "image_id": "00000-000000",
    "image_ids": ["00000-000000"], "forecast": None, "price_per_hour": 2.5, "over": ["seed=1,2"], "to": "parquet",
    "output": "output", "real": "real", "synthetic": "set", "dataset": "set", "repository": "owner/name",
    "model": "bundled:workers",
}  # fmt: skip
FUNCTIONS = [name for name in dir(synthgen) if inspect.isfunction(getattr(face, name)) and not name.startswith("_")]
PARAMETERS = [
    (name, argument)
    for name in FUNCTIONS
    for argument in inspect.signature(getattr(face, name)).parameters
    if argument not in ("on_progress", "stop")
]


def needed(name: str) -> dict[str, object]:
    """Arguments that a function cannot do without."""
    parameters = inspect.signature(getattr(face, name)).parameters.values()
    return {each.name: REQUIRED[each.name] for each in parameters if each.default is each.empty}


@pytest.mark.parametrize(("name", "argument"), PARAMETERS, ids=map(".".join, PARAMETERS))
def test_every_argument_of_every_function_refuses_another_type_by_name(
    name: str, argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for wrong in (object(), b"x", -3.5 if argument in ("max_time", "price_per_hour") else 3.5):
        with pytest.raises(UsageError) as refused:
            getattr(face, name)(**needed(name) | {argument: wrong})
        assert refused.value.argument == argument
        assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_mistyped_keyword_is_named(name: str) -> None:
    with pytest.raises(TypeError, match="sede"):
        getattr(face, name)(**needed(name), sede=1)


def test_a_keyword_that_is_nearly_right_is_suggested() -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'judge'\. Did you mean 'judges'\?"):
        face.audit("set", judge="bundled:judge")


def test_specs_and_paths_are_taken_in_every_form(tmp_path: Path) -> None:
    text = (
        "synthgen: 1\nname: small\nmodel: {id: 'bundled:workers', steps: 1}  # a note\nclasses: {doctor: 2}\n"
        "prompts: {templates: ['a {class}']}\n"
    )
    (tmp_path / "spec.yaml").write_text(text)
    forms: list[Any] = [tmp_path / "spec.yaml", str(tmp_path / "spec.yaml"), text, synthgen.load_spec(text)]
    plans = {synthgen.plan(form).fingerprint for form in forms}
    assert len(plans) == 1

    synthgen.begin(tmp_path / "spec.yaml", str(tmp_path / "run"))
    assert (tmp_path / "run/spec.yaml").read_text() == text, "the author's own words are kept"
    assert synthgen.status(str(tmp_path / "run"))[0].fingerprint in plans
