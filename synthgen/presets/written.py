"""The spec of a preset, as `synthgen init --model` and the files of `specs/` have it."""

from collections.abc import Iterator, Mapping
from textwrap import wrap
from types import MappingProxyType

from synthgen.presets.preset import Origin, Preset
from synthgen.spec.written import as_yaml

_WIDTH = 100
_ANIMALS = """\
classes:
  cat: {count: 200, definition: "a domestic cat"}
  dog: {count: 200, definition: "a domestic dog"}
  pigeon: {count: 200, definition: "a city pigeon, a grey bird"}

prompts:
  templates:
    "a photo of a {class}": 1
    "a photo of a {class} {place}, {light}": 3
    "a {shot} photo of a {class} {place}": 2
  variables:
    place: [on a street, in a park, on a roof, beside a parked car, near a fountain]
    light: {in daylight: 3, at dusk: 1, at night: 1}
    shot: [close-up, distant, blurred phone camera]

filters:
  label: {min_posterior: 0.7, none_of_these: ["a photo of an empty street", "a photo of a person", "a blurry photo"]}
  clip: {min_score: 0.22}
  quality: {}
  duplicates: {within: dataset}

# The judge is a separate CLIP model, never the text encoder of the model that it judges.
judge: {id: ViT-B-32/laion2b_s34b_b79k}

output: {splits: {train: 0.9, test: 0.1}}
seed: 0
"""
_TOOLS = """\
classes:
  whisk: {count: 150, definition: "a wire whisk"}
  ladle: {count: 150, definition: "a soup ladle"}
  grater: {count: 150, definition: "a metal cheese grater"}
  rolling pin: {count: 150, definition: "a wooden rolling pin"}

prompts:
  templates:
    - "a photo of a {class} {place}, {light}"
    - "a {class} held in a hand, {light}"
    - "a product photo of a {class} {place}"
  variables:
    place: [on a wooden table, on a steel worktop, in a drawer, on a cloth]
    light: {soft window light: 2, harsh kitchen light: 1, low light: 1}

filters:
  label: {min_posterior: 0.7, none_of_these: ["a photo of a kitchen", "a photo of food", "a photo of a spoon"]}
  clip: {min_score: 0.24}
  quality: {}
  duplicates: {within: dataset}

output:
  shard_size: 64             # large images: smaller shards, sooner committed
  splits: {train: 0.9, test: 0.1}
  rejects: {keep: thumbnails}
seed: 0
"""
_FRUIT = """\
classes:
  pear: 150
  lemon: 150
  peach: 150
  banana: 150

prompts:
  templates:
    - "a photo of a {class} {place}"
    - "{number} {class} {place}, {light}"
  variables:
    number: [one, "a single", "a half"]
    place: [on a market stall, in a wooden crate, on a kitchen table, on the ground]
    light: [in bright sunlight, in shade, under a lamp]

filters:
  label: {min_posterior: 0.7, none_of_these: ["a photo of a market", "a photo of vegetables", "a drawing"]}
  clip: {min_score: 0.22}
  quality: {}
  duplicates: {within: dataset}

budget: {attempts_per_image: 6}
output:
  shard_size: 128
  splits: {train: 0.9, test: 0.1}
seed: 0
"""
_PIXELS = """\
classes:
  castle: 100
  tree: 100
  chest: {count: 100, definition: "a treasure chest"}

prompts:
  templates:
    - "pixel art of a {class}, {view}"
    - "a {class}, pixel art, {light}"
  variables:
    view: [front view, side view, isometric view]
    light: [in daylight, at night]

filters:
  label: {min_posterior: 0.6, none_of_these: ["a photo", "a blank picture"]}
  quality: {}
  duplicates: {within: dataset}

output:
  shard_size: 64
  splits: {train: 0.9, test: 0.1}
seed: 0
"""
SUBJECTS: Mapping[str, str] = MappingProxyType(
    {"street-animals": _ANIMALS, "kitchen-tools": _TOOLS, "fruit-stand": _FRUIT, "pixel-art": _PIXELS}
)


def spec_of_preset(
    preset: Preset, *, name: str | None = None, file: str | None = None, schema: str | None = None
) -> str:
    """Return the whole spec of a preset, with its licence, memory and sources above it.

    Args:
        name: the dataset's name; by default that of the preset.
        file: where it will be written, for the commands in its first lines.
        schema: the path of a JSON Schema file, relative to it, for editors.
    """
    file = file or f"specs/{preset.name}.yaml"
    lines = [f"# yaml-language-server: $schema={schema}"] if schema else []
    lines += [
        *_head(preset, file),
        "synthgen: 1",
        f"name: {name or preset.dataset or preset.name}",
        "",
        *_model(preset),
        "",
    ]
    return "\n".join(lines) + "\n" + SUBJECTS[preset.subject]


def _head(preset: Preset, file: str) -> Iterator[str]:
    yield from _comment(
        f"{preset.title}: {preset.steps} steps, {'guided' if preset.is_guided else 'not guided'}; {preset.speed}."
    )
    yield "#"
    yield f"#   synthgen plan {file}     what it would make; needs no network"
    yield f"#   synthgen run {file}      make the dataset; run again to resume"
    yield "#"
    licence = preset.licence
    yield from _comment(f"Licence: {licence}; {licence.reason}.")
    memory = f"Memory of the weights: {size_of(preset)}, or {size_of(preset, encoders=False)} without the text encoders"
    yield from _comment(f"{memory}. Activations of a batch are not in it.")
    yield from (line for remark in preset.remarks for line in _comment(remark))
    yield "# Sources:"
    yield from (f"#   {described(source)}" for source in (*preset.sources, Origin("licence's text", licence.url)))


def _comment(text: str) -> Iterator[str]:
    yield from wrap(text.strip(), _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False)


def _model(preset: Preset) -> Iterator[str]:
    """Write the section of the model, a comment behind each key that has one."""
    yield "model:"
    for key, value in preset.model.items():
        first, *rest = as_yaml({key: value}).rstrip("\n").splitlines()
        comment = preset.comments.get(key)
        yield f"  {first:<26} # {comment}".rstrip() if comment else f"  {first}"
        yield from (f"  {line}" for line in rest)


def size_of(preset: Preset, *, encoders: bool = True) -> str:
    """Write how much memory its weights take, in GB.

    Args:
        encoders: whether the text encoders are in it.
    """
    return f"{(preset.weights if encoders else preset.weights_without_encoders) / 1e9:.1f} GB"


def described(source: Origin) -> str:
    """Write a source in a line."""
    return f"{source.facts}: {source.url}" + (f" (of {source.date})" if source.date else "")
