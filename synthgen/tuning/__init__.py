"""Tuning a generator to few real images: prompts, noise, the LoRA, its training, and what it memorised."""
