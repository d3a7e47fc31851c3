"""What a pipeline's text encoders make of a prompt, computed once per distinct prompt, and kept.

The pipeline's own `encode_prompt` computes it, for one prompt at a time. So an image's embeddings are the same whatever
the other prompts of its batch are.
"""

import inspect
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from diffusers import DiffusionPipeline
from torch import nn

from synthgen.families import PINNED
from synthgen.families.signature import returned_by, source_of
from synthgen.generating.rows import Embedded, as_rows, bytes_of, on, shape_of, side_by_side, stacked

KEPT = 1 << 30
"""Bytes of embeddings that are kept, in the CPU's memory: of 250 prompts of FLUX.1, or of 3400 of SDXL."""
_TEXT = re.compile(r"(negative_)?prompts?(_\d)?")
_METHOD = "encode_prompt"
_ALONE: Mapping[str, object] = {"do_classifier_free_guidance": False, "guidance_scale": 1.0, "batch_size": 1}
"""Arguments of `encode_prompt` that let it encode one prompt, and no negative one."""
_PADS_TO_PROMPT = re.compile(r"(max_length = |\[:, :)prompt_embeds\.shape\[1\]")
"""What makes a negative prompt as long as the prompt, in code."""
_NEED_TEXTS = ("StableDiffusionLatentUpscalePipeline",)
"""Their `encode_prompt` fails where it is given the embeddings of a prompt, and a negative prompt as text."""
_PLAIN = (str, int, float, bool, type(None), torch.device, torch.dtype)


def remember(
    pipeline: DiffusionPipeline,
    device: torch.device | None = None,
    kept: int = KEPT,
    ahead: Sequence[tuple[str, str]] = (),
) -> None:
    """Let a pipeline encode each distinct prompt once. One that has no `encode_prompt` stays as it is.

    Args:
        device: where it computes; None for where its parts are.
        kept: how many bytes of embeddings are kept: those that were used last.
        ahead: prompts with their negative prompts that are encoded with the first one, as far as they can be kept.
    """
    names = returned_by(type(pipeline).__name__, _METHOD)
    if names and not isinstance(own := getattr(pipeline, _METHOD), Embeddings):
        pads = _PADS_TO_PROMPT.search(source_of(type(pipeline).__name__, _METHOD)) is not None
        encode = Embeddings(pipeline, own, names, device or pipeline.device, kept, pads, ahead)
        setattr(pipeline, _METHOD, encode)


@dataclass(slots=True)
class Embeddings:
    """Takes the place of a pipeline's `encode_prompt`, and calls it only with a prompt that it does not know.

    Attributes:
        names: what `encode_prompt` returns, in its order.
        device: where the pipeline computes.
        kept: how many bytes are kept.
        pads_to_prompt: whether it makes a negative prompt as long as the prompt.
        ahead: prompts that are still to be encoded with the first one, with their negative prompts.
    """

    pipeline: DiffusionPipeline
    encode: Callable[..., Embedded]
    names: tuple[str, ...]
    device: torch.device
    kept: int
    pads_to_prompt: bool
    ahead: Sequence[tuple[str, str]] = ()
    _known: "OrderedDict[Hashable, list[Embedded]]" = field(default_factory=OrderedDict)
    _bytes: int = 0

    def __call__(self, *args: object, **more: object) -> object:
        given = _by_name(self.encode, args, more)
        texts = {name: value for name, value in given.items() if _TEXT.fullmatch(name)}
        others = {name: value for name, value in given.items() if name not in texts} | self._pinned(given)
        if not all(map(_is_plain, others.values())) or all(text is None for text in texts.values()):
            return self.encode(**given)  # it is given embeddings, or images that go with the text

        each = list(as_rows(texts))
        self._encode_ahead(each[0], others)
        rows = [self._row(row, others) for row in each]
        found = stacked(self.names, rows)
        return found[0] if len(self.names) == 1 else tuple(found)

    def _encode_ahead(self, like: Mapping[str, object], others: dict[str, object]) -> None:
        """Encode the prompts that are to come, as `like` is asked for, while the encoders are where they compute."""
        ahead, self.ahead = self.ahead, ()
        given = [text for name, text in like.items() if not _is_negative(name) and text is not None]
        if any(text != given[0] for text in given):  # each encoder gets a text of its own
            return
        largest = 0
        for prompt, against in ahead:
            if self._bytes + largest > self.kept:
                return
            texts = {name: _like(text, against if _is_negative(name) else prompt) for name, text in like.items()}
            largest = max(largest, sum(map(bytes_of, self._row(texts, others))))

    def _row(self, texts: dict[str, object], others: dict[str, object]) -> list[Embedded]:
        """Return the embeddings for one image: of its prompt, and with guidance of its negative prompt."""
        mine = {name: None if _is_negative(name) else text for name, text in texts.items()}
        alone = others | {name: value for name, value in _ALONE.items() if name in others}
        found = self._once(mine | alone)
        if not _is_guided(others) or not any(map(_is_negative, self.names)):
            return found

        against = {name: text for name, text in texts.items() if _is_negative(name)}
        if not any(map(_says, against.values())) and self._empty_is_zero():
            against = dict.fromkeys(against)
        pairs = zip(self.names, found, strict=True)
        own = {name: part for name, part in pairs if name in others and not _is_negative(name)}
        own = {} if type(self.pipeline).__name__ in _NEED_TEXTS else own
        negative = self._against(mine | against, others, own) if own else list[Embedded]()
        if not any(part is not None for name, part in zip(self.names, negative, strict=False) if _is_negative(name)):
            # It takes no embeddings, or encodes nothing if it is given some: a negative prompt is a prompt to it.
            words = {name: against.get(f"negative_{name}") or "" for name in texts if not _is_negative(name)}
            other = self._once(mine | words | alone)
            return side_by_side(self.names, found, other)
        return [two if _is_negative(name) else one for name, one, two in zip(self.names, found, negative, strict=True)]

    def _against(self, texts: dict[str, object], others: dict[str, object], own: dict[str, Embedded]) -> list[Embedded]:
        """Let it encode the negative prompt alone, by giving it the embeddings of the prompt."""
        one = {name: 1 for name in ("batch_size",) if name in others}
        key = _key({name: text for name, text in texts.items() if _is_negative(name)} | others)
        if self.pads_to_prompt:
            key = (*key, *map(shape_of, own.values()))
        return self._once(texts | others | one | own, ("against", *key))

    def _once(self, given: Mapping[str, object], key: Hashable = None) -> list[Embedded]:
        """Call `encode_prompt`, unless it has been called with the same before."""
        key = (_key(given) if key is None else key, *_adapters(self.pipeline))
        if key not in self._known:
            returned = self.encode(**given)
            parts: list[Embedded] = list(returned) if isinstance(returned, tuple) else [returned]
            assert len(parts) == len(self.names), f"{_METHOD} returned {len(parts)} of {self.names}"
            self._keep(key, [on(torch.device("cpu"), part) for part in parts])
            return parts
        self._known.move_to_end(key)
        return [on(self.device, part) for part in self._known[key]]

    def _keep(self, key: Hashable, parts: list[Embedded]) -> None:
        self._known[key] = parts
        self._bytes += sum(map(bytes_of, parts))
        while self._bytes > self.kept:
            _, oldest = self._known.popitem(last=False)
            self._bytes -= sum(map(bytes_of, oldest))

    def _pinned(self, given: Mapping[str, object]) -> dict[str, object]:
        """Return what keeps it from changing the text, where the pipeline's call has no argument for that."""
        called = inspect.signature(type(self.pipeline).__call__).parameters
        return {name: value for name, value in PINNED.items() if name in given and name not in called}

    def _empty_is_zero(self) -> bool:
        """Whether no text is represented by zeros, as in SDXL. Pipelines do so only where the whole batch has none."""
        return bool(getattr(self.pipeline.config, "force_zeros_for_empty_prompt", False))


def _like(text: object, other: str) -> object:
    """Return another text in the form that one has: nothing, a list, or a text."""
    if text is None:
        return None
    return [other] if isinstance(text, list) else other


def _by_name(
    function: Callable[..., object], args: tuple[object, ...], more: Mapping[str, object]
) -> dict[str, object]:
    """Return a call's arguments by their names, with the defaults of those that are not given."""
    signature = inspect.signature(function)
    bound = signature.bind(*args, **more)
    bound.apply_defaults()
    found = dict(bound.arguments)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            found |= found.pop(name)
    return found


def _is_negative(name: str) -> bool:
    return name.startswith("negative_")


def _is_guided(others: Mapping[str, object]) -> bool:
    scale = others.get("guidance_scale")
    return bool(others.get("do_classifier_free_guidance")) or (isinstance(scale, int | float) and scale > 1)


def _says(text: object) -> bool:
    return any(text) if isinstance(text, list) else bool(text)


def _is_plain(value: object) -> bool:
    return all(map(_is_plain, value)) if isinstance(value, list | tuple) else isinstance(value, _PLAIN)


def _key(given: Mapping[str, object]) -> tuple[Hashable, ...]:
    return tuple((name, repr(value)) for name, value in sorted(given.items()))


def _acting(layer: nn.Module) -> str:
    off = getattr(layer, "disable_adapters", False)
    return repr((off, layer.active_adapters, layer.scaling, layer.merged))


def _adapters(pipeline: DiffusionPipeline) -> Iterator[Hashable]:
    """Yield what adapters act on the text encoders now, and how strongly."""
    for name, part in pipeline.components.items():
        if "text_encoder" in name and isinstance(part, nn.Module) and getattr(part, "peft_config", None):
            layers = (layer for layer in part.modules() if hasattr(layer, "scaling"))
            yield name, tuple(map(_acting, layers))
