"""How much of a prompt each text encoder of a pipeline reads, and what the pipeline writes around it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from synthgen.families.call import PipelineCall
from synthgen.families.resolve import Read
from synthgen.families.signature import constant_of, source_of
from synthgen.spec import ModelSpec

LENGTH, SKIP = "max_sequence_length", "clip_skip"
_USER, _REPLY = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"
_NO_THOUGHT = "<think>\n\n</think>\n\n"
_SYSTEM = "<|im_start|>system\n"


@dataclass(frozen=True, slots=True)
class Encoder:
    """A text encoder, by its tokenizer.

    Attributes:
        part: the folder of the tokenizer.
        most: how many tokens it reads, if the pipeline's code says so; None for as many as the tokenizer says.
        by_call: whether the call's `max_sequence_length` says so.
        spared: how many of these are not for the prompt.
        before: what the pipeline writes before a prompt, where that counts too; `{NAME}` is a text in its code.
        after: what it writes behind a prompt.
        bare: whether the tokenizer adds no marks of its own.
    """

    part: str = "tokenizer"
    most: int | None = None
    by_call: bool = False
    spared: int = 0
    before: str = ""
    after: str = ""
    bare: bool = False


_BY_CALL = Encoder(by_call=True)
_CLIP, _CLIP_2 = Encoder("tokenizer"), Encoder("tokenizer_2")
_ENCODERS: Mapping[tuple[str, ...], tuple[Encoder, ...]] = MappingProxyType(
    {
        ("StableDiffusion3", "StableDiffusion3PAG"): (_CLIP, _CLIP_2, Encoder("tokenizer_3", by_call=True)),
        ("Flux", "FluxKontext"): (_CLIP, Encoder("tokenizer_2", by_call=True)),
        ("Chroma", "AuraFlow", "CogView3Plus", "CogView4", "Bria", "BriaFibo"): (_BY_CALL,),
        ("PixArtAlpha", "PixArtSigma", "PixArtSigmaPAG"): (_BY_CALL,),
        ("Sana", "SanaPAG", "SanaSprint"): (Encoder(by_call=True, spared=1),),  # of the instruction before the prompt
        ("Kolors", "KolorsPAG"): (Encoder(most=256),),
        ("Lumina",): (Encoder(most=256),),
        ("Lumina2",): (Encoder(by_call=True, before="{system_prompt} <Prompt Start> "),),
        ("IF", "LDMTextToImage"): (Encoder(most=77),),
        ("Kandinsky3",): (Encoder(most=128),),
        ("KandinskyCombined",): (Encoder("prior_tokenizer"), Encoder(most=77)),
        ("KandinskyV22Combined",): (Encoder("prior_tokenizer"),),
        ("Kandinsky5T2I",): (Encoder(by_call=True, after="<|im_end|>"), Encoder("tokenizer_2", 77)),
        ("HunyuanDiT", "HunyuanDiTPAG"): (Encoder(most=77), Encoder("tokenizer_2", 256)),
        ("HunyuanImage",): (Encoder(most=1000, after="<|im_end|>"),),
        ("HiDreamImage",): tuple(
            Encoder(part, by_call=True) for part in ("tokenizer", "tokenizer_2", "tokenizer_3", "tokenizer_4")
        ),
        ("ZImage", "ZImageOmni"): (Encoder(by_call=True, before=_USER, after=_REPLY),),
        ("Flux2Klein",): (Encoder(by_call=True, before=_USER, after=_REPLY + _NO_THOUGHT),),
        ("Flux2",): (
            Encoder(by_call=True, before="[SYSTEM_PROMPT]{SYSTEM_MESSAGE}[/SYSTEM_PROMPT][INST]", after="[/INST]"),
        ),
        ("OvisImage",): (Encoder(by_call=True, after=_REPLY + _NO_THOUGHT, bare=True),),
        ("Krea2", "QwenImage", "DreamLite", "DreamLiteMobile"): (Encoder(by_call=True, after=_REPLY),),
        ("NucleusMoEImage",): (
            Encoder(
                "processor",
                1024,
                by_call=True,
                before=_SYSTEM + "{DEFAULT_SYSTEM_PROMPT}<|im_end|>\n" + _USER,
                after=_REPLY,
            ),
        ),
        ("LongCatImage",): (Encoder(most=512, bare=True),),
        ("Ideogram4",): (Encoder(by_call=True, before=_USER, after=_REPLY, bare=True),),
        # They read prompts of any length that the language model in them reads.
        ("ErnieImage", "GlmImage", "OmniGen", "QwenImage21", "BriaFibo2"): (),
    }
)
"""By pipelines. Others read each prompt with every tokenizer that they have, as far as the tokenizer says."""
_IGNORED = ("KolorsPipeline", "KolorsPAGPipeline", "LuminaPipeline", "GlmImagePipeline")
"""Their calls take `max_sequence_length`, and do not use it for the prompt."""
NEGATIVE_AS_LONG: Mapping[str, int] = MappingProxyType({"LuminaPipeline": 8, "Kandinsky3Pipeline": 1})
"""They read as many tokens of a negative prompt as the prompt has, rounded up to a multiple of this."""
_HIGHEST = re.compile(rf"{LENGTH} > (\d+)")


def encoders_of(call: PipelineCall, index: Mapping[str, object]) -> tuple[Encoder, ...]:
    """Return the text encoders that a model has.

    Args:
        index: the model's `model_index.json`.
    """
    there = [name for name, kind in index.items() if isinstance(kind, list) and kind and kind[0] is not None]
    own = next((rows for names, rows in _ENCODERS.items() if call.from_text.removesuffix("Pipeline") in names), None)
    if own is None:
        own = tuple(Encoder(name) for name in there if re.fullmatch(r"tokenizer(_\d)?", name))
    return tuple(
        one for one in own if one.part in there and one.part.replace("tokenizer", "text_encoder") not in _off(index)
    )


def _off(index: Mapping[str, object]) -> Iterator[str]:
    """Yield the parts that a model is without, as Stable Diffusion 3 may be without its T5."""
    for name, kind in index.items():
        if isinstance(kind, list) and kind and kind[0] is None:
            yield name


def limit_of(encoder: Encoder, call: PipelineCall, model: ModelSpec, of_tokenizer: object) -> int | None:
    """Return how many tokens an encoder reads of a text and of what is written around it; None for no limit.

    Args:
        of_tokenizer: what the tokenizer's configuration has as `model_max_length`.
    """
    most: object = of_tokenizer if encoder.most is None else encoder.most
    if encoder.by_call:
        most = model.max_sequence_length or call.takes.get(LENGTH) or encoder.most
    return most - encoder.spared if isinstance(most, int) and most < 1 << 20 else None


def is_lower(pipeline: str) -> bool:
    """Whether a pipeline makes prompts lower case, as PixArt and Sana do. No argument of their calls prevents it."""
    return ".lower()" in source_of(pipeline, "_text_preprocessing")


def around(encoder: Encoder, pipeline: str) -> tuple[str, str]:
    """Return what is written before and behind a prompt."""
    before = re.sub(r"\{(\w+)\}", lambda found: constant_of(pipeline, found[1]) or "", encoder.before)
    return before, encoder.after


def text_problems(call: PipelineCall, read: Read, model: ModelSpec) -> Iterator[tuple[str, str]]:
    """Find settings of the text encoders that cannot act: the key of `model`, and why."""
    if (length := model.max_sequence_length) is not None:
        highest = _HIGHEST.search(source_of(call.pipeline, "check_inputs"))
        if LENGTH not in call.takes or call.from_text in _IGNORED:
            yield LENGTH, f"{call.pipeline} reads as much of a prompt as it was trained for: it has no such setting"
        elif highest and length > int(highest[1]):
            yield LENGTH, f"expected at most {highest[1]} for {call.pipeline}, not {length}"
    if (skip := model.clip_skip) is not None:
        layers = [read(f"{part}/config.json").get("num_hidden_layers") for part in ("text_encoder", "text_encoder_2")]
        fewest = min((one for one in layers if isinstance(one, int)), default=None)
        if SKIP not in call.takes:
            yield SKIP, f"{call.pipeline} leaves out no layers of its text encoders"
        elif fewest is not None and skip >= fewest:
            yield SKIP, f"expected less than the {fewest} layers of its CLIP text encoder, not {skip}"
