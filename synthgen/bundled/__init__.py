"""The small models that ship with synthgen, the world they were trained on, and how they were trained."""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
GENERATOR = WEIGHTS / "workers"
"""A diffusers folder: `bundled:workers`."""
JUDGE = WEIGHTS / "judge"
"""An open_clip folder: `bundled:judge`."""
ADAPTERS = {"bundled:medallion": WEIGHTS / "medallion.safetensors"}
"""LoRAs for the generator, by their ids."""
CONTROLS = {"bundled:outlines": WEIGHTS / "outlines"}
"""Control models for the generator, by their ids: folders of diffusers."""
READER = WEIGHTS / "reader.safetensors"
"""The ground-truth reader: for tests and benchmarks; its boxes and masks also as `bundled:reader`."""
