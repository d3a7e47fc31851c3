"""The commented spec that `synthgen init` writes."""

_STARTER = """\
# A synthgen spec. Try it:
#   synthgen validate {file}     report every problem
#   synthgen plan {file}         show what would be made
#   synthgen run {file}          make the dataset; run again to resume
{modeline}synthgen: 1
name: {name}

# The model that makes the images: the one that ships with synthgen, a hub id such as
# stabilityai/stable-diffusion-xl-base-1.0, or a diffusers folder such as ./my-model.
model:
  id: "bundled:workers"
  steps: 20
  guidance: 1.5              # low guidance keeps training data diverse

# The number of accepted images of each class.
classes:
  doctor: 10
  chef: 10
  farmer: 10

# The prompts for the model. Put text with braces in quotes; {{class}} becomes the class's name.
prompts:
  templates:                 # a list, or a mapping of prompt to weight
    "a portrait of a {{class}} with {{skin}} skin and {{hair}} hair": 2
    "a {{class}}": 1
  variables:
    skin: [light, medium, dark]
    hair: [short black, long blond, short brown]

# Measured on every image. If the best value has a posterior below abstain_below, the answer is 'unknown'.
attributes:
  skin_tone:
    values:
      light: ["a person with light skin"]
      medium: ["a person with medium skin"]
      dark: ["a person with dark skin"]
    abstain_below: 0.6

# Checks that an image must pass to be accepted. Only the filters listed here run.
filters:
  label: {{min_posterior: 0.6, none_of_these: ["a blurry picture", "a blank picture"]}}
  clip: {{min_score: 0.1}}
  quality: {{}}
  duplicates: {{within: class}}

budget: {{attempts_per_image: 8}}
output:
  splits: {{train: 0.9, test: 0.1}}
seed: 0
"""


def starter_spec(name: str, *, file: str = "spec.yaml", schema: str | None = None) -> str:
    """Return a spec to start from, for the bundled model.

    `name` is the dataset's name and `file` the path that the spec will be written to. `schema` is the path of a JSON
    Schema file, relative to it, for editors with a YAML language server.
    """
    modeline = f"# yaml-language-server: $schema={schema}\n" if schema else ""
    return _STARTER.format(name=name, file=file, modeline=modeline)
