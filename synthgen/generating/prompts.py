"""Prompts as a pipeline's call takes them, each encoded once."""

from collections.abc import Sequence

import torch
from diffusers import DiffusionPipeline
from transformers import CLIPTextModel

from synthgen.families import Guidance, PipelineCall
from synthgen.generating.embeddings import remember


class PromptEncoder:
    """Turns prompts into a pipeline call's arguments.

    The pipeline gets texts. Where it has `encode_prompt`, that gives what it has computed for the same text before.

    Args:
        device: where the pipeline computes, wherever its parts are between its calls.
        guided: whether the call will use guidance, and so needs the negative prompts too.
        negated: whether some images have negative prompts: then all are called as with one, whoever shares their batch.
        ahead: prompts, with their negative prompts, to encode with the first one.
    """

    def __init__(
        self,
        pipeline: DiffusionPipeline,
        call: PipelineCall,
        device: torch.device,
        *,
        guided: bool,
        negated: bool = False,
        ahead: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._call, self._guided, self._negated = call, guided, negated
        for name in ("text_encoder", "text_encoder_2"):
            _with_former_name(getattr(pipeline, name, None))
        remember(pipeline, device, ahead=[(prompt, negative or call.blank) for prompt, negative in ahead])

    def encode(self, prompts: Sequence[str], negative_prompts: Sequence[str]) -> dict[str, object]:
        texts: dict[str, list[str]] = {"prompt": list(prompts)}
        named = self._negated or self._call.guidance in (Guidance.TRUE, Guidance.GUIDER)
        if self._guided and (named or any(negative_prompts)):
            texts["negative_prompt"] = [negative or self._call.blank for negative in negative_prompts]
        return {name: each[0] if self._call.one_text else each for name, each in texts.items()}


def _with_former_name(encoder: object) -> None:
    """Let a CLIP be its own `text_model`, which is what transformers 4 called its layers.

    Without that, diffusers 0.42 raises an AttributeError for `clip_skip` in Stable Diffusion.
    """
    if isinstance(encoder, CLIPTextModel) and not hasattr(encoder, "text_model"):
        object.__setattr__(encoder, "text_model", encoder)  # not as a part of itself, which would have no end
