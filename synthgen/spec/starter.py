"""The commented spec that `synthgen init` writes."""

_STARTER = """\
# A synthgen spec. Try it:
#   synthgen validate {file}     every problem at once
#   synthgen plan {file}         what it would make
#   synthgen run {file}          make it; run again to resume
{modeline}synthgen: 1
name: {name}

# What makes the images: the model that ships with synthgen, a hub id such as
# stabilityai/stable-diffusion-xl-base-1.0, or a diffusers folder such as ./my-model.
model:
  id: "bundled:workers"
  steps: 20
  guidance: 1.5              # low guidance keeps training data diverse

# How many accepted images of each class.
classes:
  doctor: 10
  chef: 10
  farmer: 10

# What the model is asked for. Quote texts with braces; {{class}} is the class's name.
prompts:
  templates:                 # a list, or a mapping to weights
    "a portrait of a {{class}} with {{skin}} skin and {{hair}} hair": 2
    "a {{class}}": 1
  variables:
    skin: [light, medium, dark]
    hair: [short black, long blond, short brown]

# What is measured on every image; below the posterior the answer is 'unknown'.
attributes:
  skin_tone:
    values:
      light: ["a person with light skin"]
      medium: ["a person with medium skin"]
      dark: ["a person with dark skin"]
    abstain_below: 0.6

# What an image must pass to be accepted. A filter that is not named does not run.
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
    """Write a spec to start from, on the bundled model.

    `name` is the dataset's, `file` where it will be written; `schema` is the path of a JSON Schema file, as
    seen from there, for editors with a YAML language server.
    """
    modeline = f"# yaml-language-server: $schema={schema}\n" if schema else ""
    return _STARTER.format(name=name, file=file, modeline=modeline)
