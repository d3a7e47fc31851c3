"""Small causal language models of transformers: one with random weights, and one that knows a few prompts by heart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

_END = "<|endoftext|>"
CHAT = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}Answer:"


def _tokenizer() -> PreTrainedTokenizerFast:
    """Every byte is a token: it reads whatever it is asked."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE(vocab={letter: at for at, letter in enumerate([*letters, _END])}, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    plain.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=plain, eos_token=_END, pad_token=_END)


def _model(places: int) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    sizes: Any = {"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": places, "vocab_size": 257}
    return GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=256, eos_token_id=256))


def save_random(folder: Path) -> Path:
    """One that chats, and knows nothing."""
    tokenizer = _tokenizer()
    tokenizer.chat_template = CHAT
    _model(2048).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_taught(folder: Path, beginnings: Sequence[str], lines: Sequence[str], steps: int = 150) -> Path:
    """One that goes on with any of `beginnings` by a numbered list of `lines`."""
    tokenizer = _tokenizer()
    answer = "\n".join(f" {line}" if not at else f"{at + 1}. {line}" for at, line in enumerate(lines)) + "\n" + _END
    texts = [begin + answer for begin in beginnings]
    batch = tokenizer(texts, return_tensors="pt", padding=True)["input_ids"]
    model = _model(max(1024, batch.shape[1] + 64))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(steps):
        loss = model(batch, labels=batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
