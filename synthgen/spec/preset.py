"""`preset: training`: settings that the literature recommends for images to train on, below what the user writes.

Low guidance: classifiers learn more from images at a guidance near 2 than at 7.5, which looks better (Sariyildiz et al.
2023, "Fake it till you make it"; Fan et al. 2024, "Scaling laws of synthetic images for model training"). Many prompts,
and one image of each as far as there are enough: what differs between prompts is most of what differs between images.
"""

from collections.abc import Mapping as Values
from types import MappingProxyType

from synthgen.spec.bare import Data, Violation, mapping
from synthgen.spec.conditions import check_conditions
from synthgen.spec.document import Entry, Mapping, Node, Position, Scalar, Sequence, plain
from synthgen.spec.merge import mapping_of
from synthgen.spec.prompt_checks import check_prompts

PRESET, TRAINING = "preset", "training"
GUIDANCE: Values[float, float] = MappingProxyType({1.5: 1.0, 2.0: 1.0})
SAMPLING = "combinatorial"


def with_preset(root: Mapping) -> Mapping:
    """Set what a preset sets and the spec does not, at the place where it names the preset."""
    entry = root.entries.get(PRESET)
    if entry is None or not isinstance(entry.value, Scalar) or entry.value.value != TRAINING:
        return root
    here = entry.value.position
    model = mapping(_data(root), "model")
    if not str(model.get("id")).startswith("plugin:"):  # these take no choices
        numbers = tuple(Scalar(here, value, f"{value:g}") for value in GUIDANCE)
        root = _below(root, "model", "guidance", Sequence(here, numbers, len(numbers) + 1, 2), here)
    once = _below(root, "prompts", "sampling", Scalar(here, SAMPLING, SAMPLING), here)
    return root if _found(once) - _found(root) else once


def _below(root: Mapping, section: str, key: str, value: Node, here: Position) -> Mapping:
    """Set a key that the document does not have."""
    entry = root.entries.get(section)
    if entry is None or not isinstance(entry.value, Mapping) or key in entry.value.entries:
        return root
    inner = mapping_of(entry.value, {**entry.value.entries, key: Entry(here, value)})
    return mapping_of(root, {**root.entries, section: Entry(entry.key, inner)})


def _data(root: Mapping) -> Data:
    data = plain(root)
    assert isinstance(data, Values)
    return data


def _found(root: Mapping) -> set[Violation]:
    """Find what is wrong with the prompts: combinations that cannot be numbered stay drawn at random."""
    data = _data(root)
    return set(check_conditions(data, check_prompts(data)))
