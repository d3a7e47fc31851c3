"""Prompts are encoded once, and the images are those of a direct call of the pipeline."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import diffusers
import pytest
import torch
from diffusers import DiffusionPipeline
from torch import Tensor, nn

from synthgen.generating.embeddings import Embeddings, remember
from synthgen.generating.renderer import Renderer
from synthgen.generating.rows import stacked
from tests.generating.families import FAMILIES
from tests.generating.tiny import candidate, generator_of

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers, of themselves

PROMPTS = ("a chef", "a doctor at work", "a nurse in a red hat and a very long coat", "a chef")
DISTINCT = len(set(PROMPTS))
FURTHEST = 2
HAT = "a hat"
TO_PROMPT = ("lumina", "kandinsky3")
"""They make a negative prompt as long as the prompt, and so encode it once for each length."""
WHOLE = ("ldm", "omnigen", "kandinsky", "kandinsky22")
"""They have no `encode_prompt`: they get the texts of each batch."""


def counted(pipeline: DiffusionPipeline) -> Counter[str]:
    """Count the prompts that each text encoder reads from now on."""
    counts: Counter[str] = Counter()
    for name, part in pipeline.components.items():
        if "text_encoder" in name and isinstance(part, nn.Module):
            part.register_forward_hook(lambda *_, name=name: counts.update([name]))
    return counts


def drawn(generator: Renderer, negative: str = "", prompts: Sequence[str] = PROMPTS) -> list[Tensor]:
    candidates = [candidate(index, prompt, negative) for index, prompt in enumerate(prompts)]
    at_once = min(len(prompts), generator.batch_size)
    batches = [candidates[start : start + at_once] for start in range(0, len(prompts), at_once)]
    rendered = [one for batch in batches for one in generator.render(batch)]
    return [one.image for one in rendered if one.image is not None]


def furthest(some: list[Tensor], others: list[Tensor]) -> int:
    return max(int((one.int() - other.int()).abs().max()) for one, other in zip(some, others, strict=True))


def check(name: str, folder: Path, negative: str) -> None:
    family = FAMILIES[name]
    if not folder.exists():
        family.save(folder)
    key = "embedded_guidance" if family.guidance == "embedded" and not negative else "guidance"
    settings: dict[str, object] = {} if family.guidance == "none" else {key: 4.0}
    if family.size[1] >= 16:
        settings |= {"height": family.size[0], "width": family.size[1]}
    generator = generator_of(
        folder, steps=family.steps, **settings, **({"negative_prompt": negative} if negative else {})
    )
    assert generator._pipeline is not None
    counts = counted(generator._pipeline)

    once = drawn(generator, negative)
    first = dict(counts)
    assert furthest(once, drawn(generator, negative)) == 0
    if name not in WHOLE:
        assert counts == first, "the second time, all prompts are known"
        most = DISTINCT * (2 if name in TO_PROMPT else 1) + 1
        assert all(DISTINCT <= number <= most for number in first.values()), first

    by_hand: DiffusionPipeline = getattr(diffusers, family.class_name).from_pretrained(folder)
    guidance = 1.0 if family.guidance == "none" else 4.0
    for index, prompt in enumerate(PROMPTS[:3]):
        against = [negative] if negative else None
        seeds = [candidate(index).seed]
        (alone,) = family.direct(
            by_hand, [prompt], against, seeds, guidance=guidance, steps=family.steps, size=family.size
        )
        assert furthest([once[index]], [alone]) <= FURTHEST


IN_CI = (
    "stable-diffusion", "stable-diffusion-xl", "stable-diffusion-3", "flux-dev", "flux2-klein-base", "qwen-image",
    "qwen-image-2.1", "z-image", "sana", "lumina", "lumina2", "cogview4", "hunyuan-image", "kandinsky3", "bria-fibo",
    "glm-image", "pixart-sigma",
)  # fmt: skip
"""One for each way in which `encode_prompt` is written; the others take minutes, and have the mark of the sweep."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in IN_CI else pytest.mark.sweep) for name in FAMILIES],
)
def test_each_prompt_is_encoded_once_and_images_are_those_of_a_direct_call(name: str, tmp_path: Path) -> None:
    check(name, tmp_path / "model", "")
    if FAMILIES[name].takes_negative and FAMILIES[name].guidance != "none":
        check(name, tmp_path / "model", HAT)


@pytest.mark.parametrize("name", ["stable-diffusion-3", "flux-dev", "qwen-image"])
def test_every_encoder_reads_each_distinct_prompt_once_and_the_negative_prompt_once(name: str, tmp_path: Path) -> None:
    FAMILIES[name].save(tmp_path)
    generator = generator_of(tmp_path, size=32, steps=1, guidance=4.0, negative_prompt=HAT)
    assert generator._pipeline is not None
    counts = counted(generator._pipeline)
    for _ in range(2):
        drawn(generator, HAT)
    encoders = [part for part in generator._pipeline.components if "text_encoder" in part]
    assert counts == dict.fromkeys(encoders, DISTINCT + 1)


@pytest.mark.parametrize(
    ("name", "setting"), [("stable-diffusion", {"clip_skip": 1}), ("stable-diffusion-3", {"max_sequence_length": 5})]
)
def test_what_a_spec_says_of_text_encoders_acts_as_in_a_direct_call(
    name: str, setting: dict[str, int], tmp_path: Path
) -> None:
    FAMILIES[name].save(tmp_path)
    generator = generator_of(tmp_path, size=32, guidance=4.0, **setting)
    (ours,) = drawn(generator, prompts=PROMPTS[1:2])
    pipeline: DiffusionPipeline = getattr(diffusers, FAMILIES[name].class_name).from_pretrained(tmp_path)
    pipeline.set_progress_bar_config(disable=True)
    if not hasattr(pipeline.text_encoder, "text_model"):  # as transformers called it when diffusers was written
        object.__setattr__(pipeline.text_encoder, "text_model", pipeline.text_encoder)
    given = {"num_inference_steps": 2, "guidance_scale": 4.0, "height": 32, "width": 32, "output_type": "pt"}

    def direct(**more: object) -> Tensor:
        noise = torch.Generator().manual_seed(candidate(0).seed)
        images: Tensor = pipeline(prompt=PROMPTS[1], generator=noise, **given, **more).images
        return images[0].mul(255).round().to(torch.uint8)

    assert furthest([ours], [direct(**setting)]) <= FURTHEST
    assert furthest([ours], [direct()]) > FURTHEST
    assert set(setting) <= set(generator.provenance())


@pytest.mark.parametrize("name", ["stable-diffusion-3", pytest.param("qwen-image", marks=pytest.mark.slow)])
def test_encoders_that_wait_in_memory_read_all_prompts_with_the_first(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]
    family.save(tmp_path)
    settings: dict[str, object] = {"steps": 1, "guidance": 4.0, "height": family.size[0], "width": family.size[1]}
    ours, plain = generator_of(tmp_path, **settings), generator_of(tmp_path, **settings)
    encode = ours.pipeline.encode_prompt
    assert isinstance(encode, Embeddings)
    encode.ahead = [(prompt, "") for prompt in PROMPTS]
    counts = counted(ours.pipeline)

    first = drawn(ours, prompts=PROMPTS[:1])
    read = dict(counts)
    assert set(read.values()) == {DISTINCT + 1}, "and the negative prompt"
    images = first + drawn(ours, prompts=PROMPTS)
    assert counts == read, "later batches leave the encoders where they are"
    assert furthest(images, drawn(plain, prompts=PROMPTS[:1]) + drawn(plain, prompts=PROMPTS)) == 0


def test_no_more_is_encoded_ahead_than_can_be_kept(tmp_path: Path) -> None:
    FAMILIES["stable-diffusion"].save(tmp_path)
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(tmp_path)
    remember(pipeline, kept=1, ahead=[("a chef", ""), ("a cook", ""), ("a nurse", "")])
    counts = counted(pipeline)
    pipeline.encode_prompt(["a farmer"], torch.device("cpu"), 1, False)
    assert counts["text_encoder"] == 2, "the first, which shows how large they are, and the one that is wanted"


def test_embeddings_that_were_used_long_ago_are_forgotten(tmp_path: Path) -> None:
    FAMILIES["stable-diffusion"].save(tmp_path)
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(tmp_path)
    remember(pipeline, kept=1)
    counts, encode = counted(pipeline), pipeline.encode_prompt
    assert isinstance(encode, Embeddings)
    for _ in range(2):
        encode(["a chef"], torch.device("cpu"), 1, False)
    assert counts["text_encoder"] == 2
    encode.kept = 1 << 20
    for text in ("a chef", "a cook", "a chef"):
        encode([text], torch.device("cpu"), 1, False)
    assert counts["text_encoder"] == 4


def test_what_an_adapter_does_to_a_text_encoder_is_computed_again(tmp_path: Path) -> None:
    FAMILIES["stable-diffusion"].save(tmp_path)
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(tmp_path)
    remember(pipeline)
    counts, device, encoder = counted(pipeline), torch.device("cpu"), pipeline.text_encoder
    pipeline.encode_prompt(["a chef"], device, 1, False)
    layer = next(part for part in encoder.modules() if isinstance(part, nn.Linear))
    for part, name, value in (
        (encoder, "peft_config", {"style": None}),
        (layer, "active_adapters", ["style"]),
        (layer, "merged", False),
    ):
        object.__setattr__(part, name, value)  # as peft does
    for strength in (0.5, 0.5, 1.0):
        object.__setattr__(layer, "scaling", {"style": strength})
        pipeline.encode_prompt(["a chef"], device, 1, False)
    assert counts["text_encoder"] == 3


def test_a_mask_that_was_left_out_is_written_where_a_longer_prompt_needs_it() -> None:
    names = ("prompt_embeds", "prompt_embeds_mask")
    short, long = torch.ones(1, 2, 3), torch.ones(1, 4, 3)
    embeds, mask = stacked(names, [[short, None], [long, None]])
    assert isinstance(embeds, Tensor)
    assert isinstance(mask, Tensor)
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
    assert embeds.sum(2).tolist() == [[3, 3, 0, 0], [3, 3, 3, 3]]
    assert stacked(names, [[short, None], [short, None]])[1] is None


def test_a_mask_is_as_long_as_the_text_where_embeddings_have_an_axis_of_layers() -> None:
    names = ("prompt_embeds", "prompt_embeds_mask")
    short, long = torch.ones(1, 6, 2, 3), torch.ones(1, 6, 4, 3)  # of Fibo 2: image, layer, token, width
    embeds, mask = stacked(names, [[short, None], [long, None]])
    assert isinstance(embeds, Tensor)
    assert isinstance(mask, Tensor)
    assert embeds.shape == (2, 6, 4, 3)
    assert mask.dtype is torch.bool
    assert mask.tolist() == [[True, True, False, False], [True] * 4]
