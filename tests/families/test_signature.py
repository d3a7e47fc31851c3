"""What the source of diffusers says of its pipelines is what they say of themselves, once imported."""

import inspect

import diffusers
import pytest
from diffusers.pipelines import auto_pipeline

from synthgen.families.signature import NEEDED, arguments_of, auto_names, is_replaceable, pipeline_names, signature_of

IMPORTED = [name for name in pipeline_names() if hasattr(getattr(diffusers, name, None), "_optional_components")]


def test_every_call_is_read_as_python_reads_it() -> None:
    assert len(IMPORTED) > 200
    for name in IMPORTED:
        call = vars(getattr(diffusers, name)).get("__call__") or getattr(diffusers, name).__call__
        parameters = inspect.signature(call).parameters
        named = {
            key: NEEDED if one.default is one.empty else one.default
            for key, one in parameters.items()
            if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL) and key != "self"
        }
        read = signature_of(name)
        if not named:
            assert read is None or not read.takes, name
            continue
        assert read is not None, name
        assert read.takes.keys() == named.keys(), name
        for key, value in named.items():
            if isinstance(value, int | float | str | None) and not isinstance(read.takes[key], str):
                assert read.takes[key] == value, (name, key)


@pytest.mark.parametrize("task", ["TEXT2IMAGE", "IMAGE2IMAGE", "INPAINT"])
def test_the_lists_of_diffusers_are_read_whole(task: str) -> None:
    mapping = getattr(auto_pipeline, f"AUTO_{task}_PIPELINES_MAPPING")
    here = {kind.__name__ for kind in mapping.values()}
    assert here <= set(auto_names(task))
    assert all(name.startswith("Kolors") for name in set(auto_names(task)) - here), "those that need a package"


def test_schedulers_may_be_replaced_as_diffusers_lists_it() -> None:
    own = {name for name in dir(diffusers.schedulers) if name.endswith("Scheduler")}
    for name in own:
        kind = getattr(diffusers, name, None)
        if not isinstance(kind, type) or not hasattr(kind, "_compatibles") or hasattr(kind, "_flax_internal_args"):
            continue
        listed = "EulerDiscreteScheduler" in kind._compatibles
        if listed and kind.__module__.startswith("diffusers.schedulers."):
            assert is_replaceable(name), name
            assert arguments_of(name, "step"), name


def test_what_is_not_there_is_none() -> None:
    assert signature_of("NoSuchPipeline") is None
    assert arguments_of("NoSuchScheduler", "step") is None
    assert not is_replaceable("NoSuchScheduler")
