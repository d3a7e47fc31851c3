"""Models of transformers with few random weights, saved as a hub has them: two that answer, two that detect."""

import json
from pathlib import Path
from typing import Any

import torch

WORDS = """
a an the of with in is are does do how many this image show person people man woman skin light medium dark hair chef
doctor dog dogs yes no zero one two three four five six seven eight nine 0 1 2 3 4 5 6 7 8 9 ? . ' : question answer
"""


def _bert_tokenizer(folder: Path, most: int):  # type: ignore[no-untyped-def]
    from transformers import BertTokenizer

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]"]
    letters = [f"{mark}{chr(code)}" for code in range(ord("a"), ord("z") + 1) for mark in ("", "##")]
    words = dict.fromkeys([*special, *WORDS.split(), *letters])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    return BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=most), list(words)


def save_blip(folder: Path, seed: int = 0) -> Path:
    """A BLIP that answers questions: its answers are what its decoder writes first."""
    from transformers import BlipConfig, BlipForQuestionAnswering, BlipImageProcessor, BlipProcessor

    tokenizer, words = _bert_tokenizer(folder, 40)
    text = {
        "vocab_size": len(words), "hidden_size": 16, "encoder_hidden_size": 16, "intermediate_size": 16,
        "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 40, "projection_dim": 8,
        "bos_token_id": words.index("[DEC]"), "eos_token_id": words.index("[SEP]"),
        "sep_token_id": words.index("[SEP]"), "pad_token_id": 0,
    }  # fmt: skip
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 16, "projection_dim": 8}  # fmt: skip
    torch.manual_seed(seed)
    model = BlipForQuestionAnswering(BlipConfig(text_config=text, vision_config=vision, projection_dim=8))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.35)  # random answers, but not one for all
    model.save_pretrained(folder)
    BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(folder)
    return folder


def save_vilt(folder: Path, seed: int = 0) -> Path:
    """A ViLT: a classifier of a few answers."""
    from transformers import ViltConfig, ViltForQuestionAnswering, ViltImageProcessor, ViltProcessor

    tokenizer, words = _bert_tokenizer(folder, 40)
    answers = ["yes", "no", "red", *map(str, range(10))]
    config = ViltConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=40, image_size=32, patch_size=16, id2label=dict(enumerate(answers)),
        label2id={name: index for index, name in enumerate(answers)},
    )  # fmt: skip
    torch.manual_seed(seed)
    model = ViltForQuestionAnswering(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3)
    model.save_pretrained(folder)
    sizes: Any = {"size": {"shortest_edge": 32}, "size_divisor": 16}
    ViltProcessor(ViltImageProcessor(**sizes), tokenizer).save_pretrained(folder)
    return folder


CHAT = (
    "{% for message in messages %}USER: {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %} ASSISTANT:"
)


def save_llava(folder: Path, seed: int = 0) -> Path:
    """A model that chats about images, through the eyes of a CLIP."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )

    words = list(dict.fromkeys(["<pad>", "<unk>", "<image>", "<s>", "</s>", "Yes", "No", *WORDS.split()]))
    plain = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        additional_special_tokens=["<image>"],
    )  # fmt: skip
    size: Any = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    vision = CLIPVisionConfig(num_hidden_layers=2, image_size=32, patch_size=16, **size)
    text = LlamaConfig(
        vocab_size=len(words), num_hidden_layers=1, num_key_value_heads=2, max_position_embeddings=128, **size
    )
    torch.manual_seed(seed)
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=words.index("<image>"), image_seq_length=4
    )
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    sides = {"height": 32, "width": 32}
    LlavaProcessor(
        CLIPImageProcessor(size=sides, crop_size=sides), tokenizer, patch_size=16, chat_template=CHAT,
        vision_feature_select_strategy="default", num_additional_image_tokens=1,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def save_owlvit(folder: Path, seed: int = 0) -> Path:
    """A detector that takes texts."""
    from transformers import (
        CLIPTokenizer,
        OwlViTConfig,
        OwlViTForObjectDetection,
        OwlViTImageProcessor,
        OwlViTProcessor,
    )

    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    names = [*letters, *(f"{each}</w>" for each in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {name: index for index, name in enumerate(names)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[], pad_token="<|endoftext|>", model_max_length=64)
    text = {"vocab_size": len(names), "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "max_position_embeddings": 64, "bos_token_id": len(names) - 2,
            "eos_token_id": len(names) - 1, "pad_token_id": len(names) - 1}  # fmt: skip
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 16}  # fmt: skip
    torch.manual_seed(seed)
    model = OwlViTForObjectDetection(OwlViTConfig(text_config=text, vision_config=vision, projection_dim=16))
    model.save_pretrained(folder)
    processor = OwlViTImageProcessor(size={"height": 32, "width": 32}, crop_size={"height": 32, "width": 32})
    OwlViTProcessor(processor, tokenizer).save_pretrained(folder)
    return folder


def save_detr(folder: Path, seed: int = 0) -> Path:
    """A detector of four classes of its own."""
    from transformers import DetrConfig, DetrForObjectDetection, DetrImageProcessor, ResNetConfig

    labels = ["person", "dog", "light skin", "dark skin"]
    sizes: Any = {"hidden_sizes": [8, 8, 8, 16], "depths": [1, 1, 1, 1], "out_features": ["stage4"]}
    own: Any = {"use_timm_backbone": False, "backbone_config": ResNetConfig(embedding_size=8, **sizes)}
    config = DetrConfig(
        **own, d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, num_queries=5,
        id2label=dict(enumerate(labels)), label2id={name: index for index, name in enumerate(labels)},
    )  # fmt: skip
    torch.manual_seed(seed)
    DetrForObjectDetection(config).save_pretrained(folder)
    DetrImageProcessor(size={"shortest_edge": 32, "longest_edge": 48}).save_pretrained(folder)
    return folder


def train_detector(folder: Path, steps: int = 300) -> Path:
    """A detector that tells the skin tones of the bundled world's portraits apart: a YOLOS, trained for seconds."""
    import io

    from PIL import Image
    from torch.nn import functional
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessor

    from synthgen.bundled.world import SKINS
    from tests.auditing.portraits import CLASSES, portrait

    labels = [f"person with {skin} skin" for skin in SKINS]
    config = YolosConfig(
        hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96, image_size=[32, 32],
        patch_size=8, num_detection_tokens=1, use_mid_position_embeddings=False, id2label=dict(enumerate(labels)),
        label2id={name: index for index, name in enumerate(labels)},
    )  # fmt: skip
    kinds = [(kind, skin, seed) for seed in range(1000, 1100) for kind in CLASSES for skin in SKINS]
    pictures = [Image.open(io.BytesIO(portrait(*each))).convert("RGB") for each in kinds]
    processor = YolosImageProcessor(size={"height": 32, "width": 32})
    pixels = processor(images=pictures, return_tensors="pt")["pixel_values"]
    truth = torch.tensor([SKINS.index(skin) for _, skin, _ in kinds])

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # tensors this small are slower on several
    torch.manual_seed(0)
    model = YolosForObjectDetection(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(steps):
        some = torch.randint(len(pixels), (64,))
        loss = functional.cross_entropy(model(pixel_values=pixels[some]).logits[:, 0], truth[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.set_num_threads(threads)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def edit(path: Path, **changes: object) -> None:
    """Change keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), encoding="utf-8")
