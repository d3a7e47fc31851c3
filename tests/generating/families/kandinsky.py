"""Kandinsky 2.1, 2.2, 3 and 5."""

from collections.abc import Sequence
from typing import Any

from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DiffusionPipeline,
    Kandinsky3Pipeline,
    Kandinsky3UNet,
    Kandinsky5T2IPipeline,
    Kandinsky5Transformer3DModel,
    KandinskyCombinedPipeline,
    KandinskyV22CombinedPipeline,
    PriorTransformer,
    UnCLIPScheduler,
    UNet2DConditionModel,
    VQModel,
)
from diffusers.pipelines.kandinsky.text_encoder import MCLIPConfig, MultilingualCLIP
from torch import Tensor
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection, XLMRobertaTokenizer

from tests.generating.families import parts
from tests.generating.families.family import Family, draw, lively, negative
from tests.generating.families.flux import without_negative
from tests.generating.families.zimage import less_one


def kandinsky22(kind: type[Any] = KandinskyV22CombinedPipeline, channels: int = 4) -> KandinskyV22CombinedPipeline:
    return kind(
        unet=_unet(channels, addition_embed_type="image", encoder_hid_dim_type="image_proj"),
        scheduler=DDPMScheduler(beta_schedule="linear", variance_type="learned_range", thresholding=False),
        movq=movq(),
        **_prior(),
    )


def kandinsky(kind: type[Any] = KandinskyCombinedPipeline, channels: int = 4) -> KandinskyCombinedPipeline:
    config = MCLIPConfig(
        numDims=parts.WIDTH,
        transformerDimensions=parts.WIDTH,
        vocab_size=parts.ROWS,
        hidden_size=parts.WIDTH,
        intermediate_size=parts.WIDTH,
        num_attention_heads=2,
        num_hidden_layers=1,
        max_position_embeddings=128,
    )
    return kind(
        text_encoder=lively(MultilingualCLIP(config)),
        tokenizer=_roberta_tokenizer(),
        unet=_unet(channels, addition_embed_type="text_image", encoder_hid_dim_type="text_image_proj"),
        scheduler=DDIMScheduler(beta_schedule="linear", clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        movq=movq(),
        **_prior(),
    )


def _prior() -> dict[str, Any]:
    vision = CLIPVisionConfig(
        hidden_size=parts.WIDTH,
        intermediate_size=parts.WIDTH,
        projection_dim=parts.WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
    )
    prior = PriorTransformer(
        num_attention_heads=2, attention_head_dim=8, num_layers=1, embedding_dim=parts.WIDTH, num_embeddings=32
    )
    prior.clip_std.data.fill_(1.0)
    return {
        "prior_prior": lively(prior),
        "prior_image_encoder": lively(CLIPVisionModelWithProjection(vision)),
        "prior_text_encoder": parts.clip_text(projection=True),
        "prior_tokenizer": parts.clip_tokenizer(),
        "prior_scheduler": UnCLIPScheduler(
            variance_type="fixed_small_log", prediction_type="sample", clip_sample_range=10.0
        ),
        "prior_image_processor": CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32),
    }


def _unet(channels: int, **more: Any) -> UNet2DConditionModel:
    model = UNet2DConditionModel(
        sample_size=64,
        in_channels=channels,
        out_channels=8,
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        block_out_channels=(8, 16),
        layers_per_block=1,
        encoder_hid_dim=parts.WIDTH,
        cross_attention_dim=parts.WIDTH,
        attention_head_dim=4,
        resnet_time_scale_shift="scale_shift",
        norm_num_groups=4,
        **more,
    )
    return lively(model)


def movq() -> VQModel:
    model = VQModel(
        block_out_channels=(32,) * 4,  # no fewer: its groups are 32
        down_block_types=("DownEncoderBlock2D",) * 3 + ("AttnDownEncoderBlock2D",),
        up_block_types=("AttnUpDecoderBlock2D",) + ("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=4,
        norm_type="spatial",
        num_vq_embeddings=12,
        vq_embed_dim=4,
    )
    return lively(model)


def _roberta_tokenizer() -> XLMRobertaTokenizer:
    letters = [chr(code) for code in range(33, 127)]
    words = ["<s>", "<pad>", "</s>", "<unk>", "▁", *letters, "<mask>"]
    return XLMRobertaTokenizer(vocab=[(word, -float(index > 3)) for index, word in enumerate(words)])


def kandinsky3() -> Kandinsky3Pipeline:
    model = Kandinsky3UNet(
        in_channels=4,
        time_embedding_dim=16,
        groups=4,
        attention_head_dim=4,
        layers_per_block=2,
        block_out_channels=(16, 16, 16, 16),
        cross_attention_dim=parts.WIDTH,
        encoder_hid_dim=parts.WIDTH,
    )
    return Kandinsky3Pipeline(
        tokenizer=parts.t5_tokenizer(128),
        text_encoder=parts.t5_text(),
        unet=lively(model),
        scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2", clip_sample=True, thresholding=False),
        movq=movq(),
    )


def kandinsky5(kind: type[Any] = Kandinsky5T2IPipeline, **more: Any) -> Kandinsky5T2IPipeline:
    model = Kandinsky5Transformer3DModel(
        in_visual_dim=4,
        out_visual_dim=4,
        in_text_dim=parts.WIDTH,
        in_text_dim2=parts.WIDTH,
        time_dim=16,
        model_dim=32,
        ff_dim=32,
        num_text_blocks=1,
        num_visual_blocks=1,
        axes_dims=(8, 4, 4),
        **more,
    )
    return kind(
        transformer=lively(model),
        vae=parts.decoder(shift_factor=0.3, mid_block_add_attention=False),
        text_encoder=parts.qwen25_vl(),
        tokenizer=parts.qwen25_processor(),
        text_encoder_2=parts.clip_text(length=77),
        tokenizer_2=parts.clip_tokenizer(),
        scheduler=parts.flow(shift=3.0),
    )


def with_image(
    pipeline: DiffusionPipeline,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    guidance: float,
    steps: int,
    size: tuple[int, int],
) -> list[Tensor]:
    """Its pictures are under `image`."""
    return draw(pipeline, prompts, seeds, steps, size, guidance_scale=guidance, **negative(negatives), images="image")


FAMILIES = {
    "kandinsky": Family(
        "KandinskyCombinedPipeline",
        kandinsky,
        without_negative,
        takes_negative=False,
        multiple=64,
        default_size=(512, 512),
        size=(64, 64),
    ),
    "kandinsky22": Family(
        "KandinskyV22CombinedPipeline",
        kandinsky22,
        without_negative,
        takes_negative=False,
        multiple=64,
        default_size=(512, 512),
        size=(64, 64),
    ),
    # It takes the mean of the prompt with its padding, which goes as far as the longest of the batch.
    "kandinsky3": Family(
        "Kandinsky3Pipeline",
        kandinsky3,
        less_one,
        multiple=64,
        size=(64, 64),
        batchable=False,
        batchable_unguided=False,
    ),
    # It draws the nearest of seven sizes, and pads prompts to the longest of the batch, with no mask.
    "kandinsky5": Family(
        "Kandinsky5T2IPipeline",
        kandinsky5,
        with_image,
        multiple=128,
        size=(1024, 1024),
        sizes="list",
        batchable=False,
        batchable_unguided=False,
    ),
}
