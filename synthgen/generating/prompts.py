"""Prompt embeddings, computed once per distinct prompt."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from diffusers import DiffusionPipeline, StableDiffusionPipeline, StableDiffusionXLPipeline
from torch import Tensor

from synthgen.families import Guidance, PipelineCall

_KEPT = 4096
"""Distinct prompts whose embeddings are kept; templates rarely produce more."""


class PromptEncoder:
    """Turns prompts into a pipeline call's arguments.

    Embeddings are kept for pipelines that need nothing else: Stable Diffusion and XL. Other pipelines get the texts.

    Args:
        guided: whether the call will use guidance, and so needs the negative prompts too.
        negated: whether some images have negative prompts: then all are called as with one, whoever shares their batch.
    """

    def __init__(self, pipeline: DiffusionPipeline, call: PipelineCall, *, guided: bool, negated: bool = False) -> None:
        self._negated = negated
        self._pipeline, self._call, self._guided = pipeline, call, guided
        self._embed = lru_cache(maxsize=_KEPT)(self._embed_one)

    def encode(self, prompts: Sequence[str], negative_prompts: Sequence[str]) -> dict[str, object]:
        if not isinstance(self._pipeline, StableDiffusionPipeline | StableDiffusionXLPipeline):
            texts: dict[str, list[str]] = {"prompt": list(prompts)}
            if self._guided and (self._call.guidance is Guidance.TRUE or self._negated or any(negative_prompts)):
                texts["negative_prompt"] = [negative or self._call.blank for negative in negative_prompts]
            return {name: each[0] if self._call.one_text else each for name, each in texts.items()}
        arguments = _stacked("", [self._embed(prompt) for prompt in prompts])
        if self._guided:
            arguments |= _stacked("negative_", [self._embed_negative(prompt) for prompt in negative_prompts])
        return arguments

    def _embed_negative(self, prompt: str) -> tuple[Tensor, ...]:
        embedded = self._embed(prompt)
        # XL represents "no caption" by zeros, not by the embedding of "". Its pipeline does so only for texts.
        if not prompt and getattr(self._pipeline.config, "force_zeros_for_empty_prompt", False):
            return tuple(torch.zeros_like(part) for part in embedded)
        return embedded

    @torch.inference_mode()
    def _embed_one(self, prompt: str) -> tuple[Tensor, ...]:
        """Return the sequence [1, tokens, width] and, for XL, the pooled embedding [1, width]."""
        if isinstance(self._pipeline, StableDiffusionXLPipeline):
            sequence, _, pooled, _ = self._pipeline.encode_prompt(
                prompt,
                device=self._pipeline.device,
                num_images_per_prompt=1,
                do_classifier_free_guidance=False,
            )
            return sequence, pooled
        sequence, _ = self._pipeline.encode_prompt(prompt, self._pipeline.device, 1, False)
        return (sequence,)


def _stacked(prefix: str, embeddings: Sequence[tuple[Tensor, ...]]) -> dict[str, object]:
    names = ("prompt_embeds", "pooled_prompt_embeds")
    return {prefix + name: torch.cat(parts) for name, parts in zip(names, zip(*embeddings, strict=True), strict=False)}
