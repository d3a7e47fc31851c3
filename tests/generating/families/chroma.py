"""Chroma and Bria, of FLUX's build with a T5 alone, and Fibo."""

from diffusers import (
    AutoencoderKLWan,
    BriaFibo2Pipeline,
    BriaFibo2Transformer2DModel,
    BriaFiboPipeline,
    BriaFiboTransformer2DModel,
    BriaPipeline,
    BriaTransformer2DModel,
    ChromaPipeline,
    ChromaTransformer2DModel,
)
from transformers import SmolLM3Config, SmolLM3ForCausalLM

from tests.generating.families import parts
from tests.generating.families.family import Family, lively, plain


def chroma() -> ChromaPipeline:
    model = ChromaTransformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=parts.WIDTH,
        axes_dims_rope=(4, 4, 8),
        approximator_num_channels=16,
        approximator_hidden_dim=16,
        approximator_layers=1,
    )
    return ChromaPipeline(
        scheduler=parts.flow(),
        vae=parts.flux_decoder(),
        text_encoder=parts.t5_text(),
        tokenizer=parts.t5_tokenizer(512),
        transformer=lively(model),
    )


def bria() -> BriaPipeline:
    model = BriaTransformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=parts.WIDTH,
        axes_dims_rope=[4, 4, 8],
    )
    return BriaPipeline(
        transformer=lively(model),
        scheduler=parts.flow(),
        vae=parts.decoder(shift_factor=0.0),
        text_encoder=parts.t5_text(),
        tokenizer=parts.t5_tokenizer(128),
    )


def fibo() -> BriaFiboPipeline:
    model = BriaFiboTransformer2DModel(
        in_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=8,
        axes_dims_rope=[4, 4, 8],
        text_encoder_dim=4,
    )
    config = SmolLM3Config(
        vocab_size=128001,  # an empty prompt is token 128000
        hidden_size=4,
        intermediate_size=8,
        num_hidden_layers=2,
        num_attention_heads=1,
        num_key_value_heads=1,
        pad_token_id=2,
        bos_token_id=1,
        eos_token_id=2,
    )
    return BriaFiboPipeline(
        transformer=lively(model),
        scheduler=parts.flow(),
        vae=wan_decoder(),
        text_encoder=lively(SmolLM3ForCausalLM(config)),
        tokenizer=parts.llama_tokenizer(512),
    )


def fibo_2() -> BriaFibo2Pipeline:
    model = BriaFibo2Transformer2DModel(
        in_channels=4,
        dim=32,
        n_layers=5,
        n_refiner_layers=1,
        n_heads=2,
        cap_feat_dim=3 * parts.WIDTH,
        injection_layer_ids=(0, 1, 2, 3, 4),  # as many as the encoder's states that it reads, less one
        perceiver_num_layers=1,
        min_num_gist_tokens=4,
        max_num_gist_tokens=8,
        gist_step=4,
        gist_min_text_len=8,
        gist_max_text_len=64,
        axes_dims=(8, 4, 4),
        axes_lens=(1024, 32, 32),
    )
    return BriaFibo2Pipeline(
        transformer=lively(model),
        scheduler=parts.flow(use_dynamic_shifting=True),
        vae=parts.flux2_decoder(),
        text_encoder=parts.qwen3_vl(35),  # it reads the states of many layers, the last of them the 35th
        processor=parts.qwen3_processor(),
    )


def wan_decoder() -> AutoencoderKLWan:
    model = AutoencoderKLWan(
        base_dim=4,
        decoder_base_dim=4,
        z_dim=4,
        dim_mult=[1, 1, 1, 1, 1],  # one latent pixel is 16 x 16 pixels
        num_res_blocks=1,
        temperal_downsample=[False, True, True, False],
        latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
    )
    return lively(model)


FAMILIES = {
    "chroma": Family("ChromaPipeline", chroma, plain),
    "bria": Family("BriaPipeline", bria, plain),
    "bria-fibo-2": Family("BriaFibo2Pipeline", fibo_2, plain),
    "bria-fibo": Family("BriaFiboPipeline", fibo, plain),
}
