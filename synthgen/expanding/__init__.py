"""Asking a language model for prompts, and checking what it answers. Importing this room imports no torch."""
