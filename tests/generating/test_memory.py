"""Pipelines that are decoded in parts, offloaded, compiled, quantised or cached draw what they should."""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry
from torch import Tensor, nn

from synthgen.errors import DeviceLost, ModelError, UsageError
from synthgen.generating import fitting
from synthgen.generating.converted import convert
from synthgen.generating.placing import bytes_of_parts, offload
from synthgen.generating.renderer import Renderer
from synthgen.generating.speeding import check_compiler
from synthgen.models.sizes import device_need, sizes_of
from synthgen.spec import ModelSpec
from tests.generating.families import FAMILIES
from tests.generating.tiny import candidate, generator_for, generator_of

PROMPTS = ("a chef", "a doctor at work", "a nurse in a red hat and a very long coat")
EIGHT = (*PROMPTS, "a cook", "a farmer", "a tall man", "a doctor", "a nurse")


def drawn(generator: Renderer, prompts: Sequence[str] = PROMPTS, at_once: int = 16) -> list[Tensor]:
    candidates = [candidate(index, prompt) for index, prompt in enumerate(prompts)]
    batches = [candidates[start : start + at_once] for start in range(0, len(candidates), at_once)]
    images = [one.image for batch in batches for one in generator.render(batch)]
    assert all(image is not None for image in images)
    return [image.int() for image in images if image is not None]


def furthest(some: Sequence[Tensor], others: Sequence[Tensor]) -> int:
    return max(int((one - other).abs().max()) for one, other in zip(some, others, strict=True))


def pipeline_of(generator: Renderer) -> DiffusionPipeline:
    assert generator._pipeline is not None
    return generator._pipeline


def test_images_decoded_one_by_one_are_the_same_and_those_in_tiles_nearly(sd: Path) -> None:
    plain = drawn(generator_of(sd, size=64))
    sliced = generator_of(sd, size=64, vae_slicing=True)
    assert furthest(drawn(sliced), plain) <= 1
    assert sliced.provenance()["decoding"] == "sliced"
    tiled = generator_of(sd, size=64, vae_tiling=True)  # a tile has 32 pixels
    difference = [(one - other).abs().float().mean() for one, other in zip(drawn(tiled), plain, strict=True)]
    assert 0 < max(difference) < 8, "of 255 levels: tiles do not see each other"
    assert tiled.provenance()["decoding"] == "tiled"
    assert "decoding" not in generator_of(sd).provenance()


@pytest.mark.parametrize("mode", ["encoders", "model", "group"])
def test_parts_that_wait_elsewhere_draw_the_same_images(folder: Path, mode: str) -> None:
    """With the real hooks. On a CPU there is no other memory to wait in: that parts move is seen only on a GPU."""
    plain, moved = generator_of(folder), generator_of(folder)
    pipeline = pipeline_of(moved)
    offload(pipeline, mode, torch.device("cpu"), "unet")
    hooked = [name for name, part in pipeline.components.items() if isinstance(part, nn.Module) and _has_hook(part)]
    assert "unet" in hooked
    assert ("vae" in hooked) is (mode == "model")
    for _ in range(2):
        assert furthest(drawn(moved), drawn(plain)) <= 1, "threads may add up in another order"


def _has_hook(part: nn.Module) -> bool:
    return any(hasattr(one, "_hf_hook") or hasattr(one, "_diffusers_hook") for one in part.modules())


def test_parts_take_turns_on_the_device(sdxl: Path) -> None:
    pipeline = pipeline_of(generator_of(sdxl))
    offload(pipeline, "encoders", torch.device("cpu"), "unet")
    parts: list[Any] = [pipeline.text_encoder, pipeline.text_encoder_2, pipeline.unet]
    before = [part._hf_hook.prev_module_hook.model for part in parts]
    assert [id(one) for one in before] == [id(part) for part in (parts[2], parts[0], parts[1])]


@pytest.mark.parametrize(
    ("free", "mode"), [(30 << 30, "none"), (18 << 30, "encoders"), (15 << 30, "model"), (8 << 30, "group")]
)
def test_what_fits_decides_what_waits(free: int, mode: str) -> None:
    parts = {"transformer": 12 << 30, "text_encoder": 9 << 30, "text_encoder_2": 1 << 30, "vae": 3 << 30}
    assert device_need(parts, "transformer", 512 * 512).chosen(free) == mode


def test_headers_tell_the_bytes_that_are_loaded(sdxl: Path) -> None:
    generator = generator_of(sdxl)
    told = sizes_of(sdxl, generator._source.read_json("model_index.json"), None, "float32", {}, {})
    loaded = bytes_of_parts(pipeline_of(generator))
    assert told.keys() == loaded.keys()
    for name, size in told.items():
        assert size == pytest.approx(loaded[name], rel=0.05), "buffers that are not saved"


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"offload": "model"}, "model.offload"),
        ({"offload": "group"}, "model.offload"),
        ({"quantization": "bitsandbytes-4bit"}, "model.quantization"),
        ({"attention": "_native_cudnn"}, "model.attention"),
    ],
)
def test_what_needs_a_gpu_is_refused_on_a_cpu(keys: dict[str, object], key: str) -> None:
    model = ModelSpec.model_validate({"id": "./model", **keys})
    with pytest.raises(UsageError, match=key):
        fitting.check_fit(model, torch.device("cpu"))
    fitting.check_fit(model, torch.device("cuda", 0))


def test_without_a_compiler_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    model = ModelSpec.model_validate({"id": "./model", "compile": "regional"})
    with pytest.raises(UsageError, match=r"there is no C\+\+ compiler here"):
        check_compiler(model, torch.device("cpu"))
    check_compiler(ModelSpec.model_validate({"id": "./model", "compile": "auto"}), torch.device("cpu"))


@pytest.mark.parametrize("where", ["compile_backbone", "place", "set_attention"])
def test_a_device_that_breaks_while_a_model_is_fitted_is_lost(
    sd: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(fitting, where, fail)
    with pytest.raises(DeviceLost, match="the device broke"):
        generator_of(sd)


def saved(name: str, folder: Path) -> Path:
    FAMILIES[name].save(folder / name)
    return folder / name


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "method", "keys"),
    [
        ("flux-schnell", "taylorseer", {"interval": 3, "warmup": 2}),
        ("flux-schnell", "magcache", {"threshold": 0.2}),
        ("flux-schnell", "pyramid", {}),
        ("flux-schnell", "fastercache", {}),
        ("flux-schnell", "first_block", {"threshold": 10.0}),
        ("qwen-image", "taylorseer", {"interval": 3, "warmup": 2}),
        ("qwen-image", "magcache", {"threshold": 0.2, "ratios": [1.0, 1.1, 0.9]}),
    ],
)
def test_a_cache_acts_and_an_image_does_not_depend_on_its_batch(
    name: str, method: str, keys: dict[str, object], tmp_path: Path
) -> None:
    folder = saved(name, tmp_path)
    settings: dict[str, object] = {"steps": 8, "size": 32, "guidance": 4.0 if name == "qwen-image" else 1.0}
    plain = drawn(generator_of(folder, **settings), PROMPTS, 1)
    cached = generator_of(folder, cache={"method": method, **keys}, **settings)
    alone = drawn(cached, PROMPTS, 1)
    assert furthest(alone, plain) > 0, "the cache acts"
    if method == "first_block":
        assert cached.batch_size == 1
    else:
        assert furthest(drawn(cached, PROMPTS, 3), alone) <= 1
        assert furthest(drawn(cached, EIGHT, 8)[:3], alone) <= 1
    assert furthest(drawn(cached, PROMPTS, 1), alone) == 0, "nothing is left of the batches before"
    assert method in cached.provenance()["cache"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("attention", ["native", "_native_math"])
def test_an_attention_backend_draws_the_same_images(attention: str, tmp_path: Path) -> None:
    folder = saved("flux-schnell", tmp_path)
    other = generator_of(folder, size=32, guidance=1.0, attention=attention)
    assert furthest(drawn(other), drawn(generator_of(folder, size=32, guidance=1.0))) <= 1
    assert other.provenance()["attention_backend"] == attention
    assert _AttentionBackendRegistry.get_active_backend()[0] == AttentionBackendName.NATIVE, "of other models"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_model_draws_the_same_images_in_one_shape_of_batches(tmp_path: Path) -> None:
    folder = saved("flux-schnell", tmp_path)
    plain = drawn(generator_of(folder, size=32, guidance=1.0))
    compiled = generator_of(folder, size=32, guidance=1.0, compile="regional", batch_size=2)
    shapes = set[int]()
    pipeline_of(compiled).transformer.register_forward_pre_hook(
        lambda _, args, kwargs: shapes.add(len(kwargs["hidden_states"])), with_kwargs=True
    )
    rendered = drawn(compiled, PROMPTS, 2)
    assert furthest(rendered, plain) <= 1
    assert shapes == {2}, "the last batch is filled up"
    assert compiled.provenance()["compile"] == "regional, 2 at once"


def test_openvino_draws_the_same_images_and_keeps_what_it_converted(
    sd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    plain = drawn(generator_of(sd))
    one = generator_of(sd, compile="openvino", batch_size=2)
    rendered = drawn(one, PROMPTS, 2)
    assert furthest(rendered, plain) <= 1
    assert one.provenance()["compile"] == f"openvino {version('openvino')}, 2 at once"
    assert "openvino_telemetry" not in sys.modules, "nobody is told of it"

    (kept,) = (tmp_path / "synthgen" / "openvino").iterdir()
    monkeypatch.setattr("torch.jit.trace", None)
    again = generator_of(sd, compile="openvino", batch_size=2)
    assert furthest(drawn(again, PROMPTS, 2), rendered) == 0, "taken from what was kept, in one shape"
    kept.write_bytes(kept.read_bytes()[:1000])
    with pytest.raises(ModelError, match="OpenVINO cannot convert UNet2DConditionModel"):  # nothing traces it
        drawn(generator_of(sd, compile="openvino", batch_size=2))


_SIGNALLED = """
import gc, signal, torch
from synthgen.generating.converted import convert
class Model(torch.nn.Module):
    def forward(self, x, return_dict=True):
        return (2 * x,)
models = [Model(), Model()]
for model in models:
    convert(model)
    model(x=torch.ones(1))
signal.signal(signal.SIGTERM, lambda *_: print("heard"))
while models:
    del models[0], model
    model = None
    gc.collect()
    signal.raise_signal(signal.SIGTERM)
"""


def test_signals_are_heard_after_what_was_converted_is_gone(tmp_path: Path) -> None:
    variables = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", _SIGNALLED]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=240)
    assert (done.returncode, done.stdout) == (0, "heard\nheard\n"), done.stderr


def test_small_batches_at_the_end_of_a_shard_are_not_filled_up_to_the_largest(
    sd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    plain, texts = generator_of(sd), [*EIGHT, *EIGHT]
    one = generator_of(sd, compile="openvino", batch_size=16)
    shapes = []
    for batch in (texts, texts[:5], texts[:4], texts[:1]):
        assert furthest(drawn(one, batch), drawn(plain, batch)) <= 1
        shapes.append(len(list((tmp_path / "synthgen" / "openvino").iterdir())))
    assert shapes == [1, 1, 2, 2], "converted for 16, and for 4 and fewer"


class Seeing(nn.Module):
    """A model that notes how many images it is called for."""

    def __init__(self, *, mixes: bool) -> None:
        super().__init__()
        self.mixes, self.seen = mixes, list[int]()

    def forward(self, x: Tensor, timestep: Tensor, ids: Tensor, *, return_dict: bool = True) -> tuple[Tensor]:
        assert not return_dict
        self.seen.append(len(x))
        return (x * timestep + ids.sum() - (x.mean(0) if self.mixes else 0),)


@pytest.mark.parametrize(("mixes", "images", "seen"), [(False, 6, [6, 3]), (False, 5, [5, 5]), (True, 6, [6, 3, 6])])
def test_a_batch_is_divided_among_threads_where_that_changes_nothing(
    mixes: bool, images: int, seen: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    model, ids = Seeing(mixes=mixes), torch.arange(4.0)
    plain = model.forward
    convert(model)
    for seed in range(3):
        x = torch.rand(images, 3, generator=torch.Generator().manual_seed(seed))
        (found,) = model(x=x, timestep=seed, ids=ids, return_dict=False)
        if not seed:
            assert model.seen == seen, "torch's own, and what is converted"
        (expected,) = plain(x, torch.tensor(seed), ids, return_dict=False)
        assert torch.allclose(found, expected, atol=1e-5)


def test_auto_converts_where_there_are_enough_images_and_what_it_can(
    sd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one"))
    plain = drawn(generator_of(sd))
    many = 10**7
    assert "compile" not in generator_of(sd, compile="auto").provenance()
    assert "compile" not in generator_for(10, sd, compile="auto").provenance()
    assert "compile" not in generator_for(many, sd, compile="auto", dtype="float16").provenance()
    auto = generator_for(many, sd, compile="auto", batch_size=2)
    assert furthest(drawn(auto, PROMPTS, 2), plain) <= 1
    assert auto.provenance()["compile"] == f"openvino {version('openvino')}, 2 at once"

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    monkeypatch.setattr("torch.jit.trace", None)
    unable = generator_for(many, sd, compile="auto", batch_size=2)
    assert furthest(drawn(unable, PROMPTS, 2), plain) == 0
    assert "compile" not in unable.provenance()
    assert "OpenVINO cannot convert UNet2DConditionModel" in caplog.text
    assert "; torch computes it" in caplog.text


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["stable-diffusion-xl", "flux-schnell", "qwen-image"])
def test_openvino_computes_models_of_other_kinds(tmp_path: Path, name: str) -> None:
    folder = saved(name, tmp_path)
    settings = {"size": 32, "guidance": 1.0 if name == "flux-schnell" else 2.0}
    converted = drawn(generator_of(folder, compile="openvino", batch_size=3, **settings))
    assert furthest(converted, drawn(generator_of(folder, **settings))) <= 1


def test_openvino_computes_on_cpus_alone() -> None:
    model = ModelSpec.model_validate({"id": "./model", "compile": "openvino"})
    with pytest.raises(UsageError, match="computes on a CPU, and this is meta"):
        check_compiler(model, torch.device("meta"))


QUANTISED = """
import sys
from pathlib import Path
from tests.generating.test_memory import drawn, furthest
from tests.generating.tiny import generator_for, generator_of

plain = drawn(generator_of(Path(sys.argv[1])))
for method, most in (("torchao-int8", 3), ("torchao-float8", 12)):
    spec = {"method": method, "parts": ["unet", "text_encoder_2"]}
    quantised = generator_of(Path(sys.argv[1]), quantization=spec)
    images = drawn(quantised)
    assert furthest(drawn(quantised, at_once=1), images) <= 1, "alone and in a batch"
    assert 0 < furthest(images, plain) <= most, (method, furthest(images, plain))
    assert quantised.provenance()["quantization"] == f"{method}: unet, text_encoder_2"
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torchao") is None, reason="runs with `uv run --extra torchao`")
def test_quantised_weights_draw_nearly_the_same_images(sdxl: Path) -> None:
    """In a process of its own: importing torchao warns of itself."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", QUANTISED, str(sdxl)], check=True, timeout=200)
