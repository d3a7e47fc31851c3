"""Transformers that were trained by flow matching: how each family reads texts, latents and levels of noise."""
