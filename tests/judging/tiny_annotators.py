"""Detectors and a segmenter of transformers with few random weights, saved as a hub has them."""

from pathlib import Path
from typing import Any

import torch

from tests.judging.tiny_asked import save_owlvit

_SMALL: Any = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


def save_owlv2(folder: Path, seed: int = 0) -> Path:
    """A detector that takes texts, and looks at squares: it pads images on the right and below."""
    from transformers import CLIPTokenizer, Owlv2Config, Owlv2ForObjectDetection, Owlv2ImageProcessor, Owlv2Processor

    save_owlvit(folder)
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    text = {**_SMALL, "vocab_size": len(tokenizer), "max_position_embeddings": 64,
            "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.eos_token_id}  # fmt: skip
    torch.manual_seed(seed)
    vision = {**_SMALL, "image_size": 32, "patch_size": 8}
    model = Owlv2ForObjectDetection(Owlv2Config(text_config=text, vision_config=vision, projection_dim=16))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.1)  # else boxes are thin lines
    model.save_pretrained(folder)
    sides = {"height": 32, "width": 32}
    Owlv2Processor(Owlv2ImageProcessor(size=sides), tokenizer).save_pretrained(folder)
    return folder


def save_grounding_dino(folder: Path, seed: int = 0) -> Path:
    """A detector that reads sentences."""
    from transformers import (
        BertTokenizer,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        GroundingDinoImageProcessor,
        GroundingDinoProcessor,
        SwinConfig,
    )

    folder.mkdir(parents=True, exist_ok=True)
    letters = [f"{mark}{chr(code)}" for code in range(ord("a"), ord("z") + 1) for mark in ("", "##")]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", *letters]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    tokenizer = BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=64)
    swin: Any = {
        "out_indices": [2, 3, 4],
        "image_size": 32,
        "embed_dim": 8,
        "depths": [1, 1, 1, 1],
        "num_heads": [1, 1, 1, 1],
        "window_size": 2,
    }
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(**swin),
        text_config={**_SMALL, "model_type": "bert", "vocab_size": len(words), "max_position_embeddings": 64},
        d_model=64, encoder_layers=1, encoder_ffn_dim=16, encoder_attention_heads=2, decoder_layers=2,
        decoder_ffn_dim=16, decoder_attention_heads=2, num_queries=5, max_text_len=64, encoder_n_points=2,
        decoder_n_points=2,
    )  # fmt: skip
    torch.manual_seed(seed)
    GroundingDinoForObjectDetection(config).save_pretrained(folder)
    size = {"shortest_edge": 32, "longest_edge": 48}
    GroundingDinoProcessor(GroundingDinoImageProcessor(size=size), tokenizer).save_pretrained(folder)
    return folder


def save_sam2(folder: Path, seed: int = 0) -> Path:
    """A segmenter that is shown boxes."""
    from transformers import (
        Sam2Config,
        Sam2HieraDetConfig,
        Sam2ImageProcessor,
        Sam2MaskDecoderConfig,
        Sam2Model,
        Sam2Processor,
        Sam2PromptEncoderConfig,
        Sam2VisionConfig,
    )

    hiera = Sam2HieraDetConfig(
        hidden_size=8, num_attention_heads=1, blocks_per_stage=[1, 1, 2, 1], embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 1, 1],
        window_size_per_stage=[8, 4, 4, 4],
        window_positional_embedding_background_size=[2, 2], global_attention_blocks=[3], image_size=[64, 64],
    )  # fmt: skip
    vision = Sam2VisionConfig(
        backbone_config=hiera, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=16,
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
    )  # fmt: skip
    config = Sam2Config(
        vision_config=vision,
        prompt_encoder_config=Sam2PromptEncoderConfig(hidden_size=16, image_size=64),
        mask_decoder_config=Sam2MaskDecoderConfig(
            hidden_size=16, mlp_dim=16, num_attention_heads=2, iou_head_hidden_dim=16
        ),
    )
    torch.manual_seed(seed)
    Sam2Model(config).save_pretrained(folder)
    Sam2Processor(Sam2ImageProcessor(size={"height": 64, "width": 64})).save_pretrained(folder)
    return folder
