"""What the images of a dataset say of themselves: marks in their metadata, and signatures."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from synthgen.spec.fields import Section, Text

Use = Literal["allowed", "notAllowed"]
Mining = Literal["data_mining", "ai_inference", "ai_training", "ai_generative_training"]


class Marks(Section):
    """What each image says of itself, besides that a model made it."""

    system: bool = Field(True, description="The model's id, or the name of its folder (IPTC: AI System Used).")
    version: bool = Field(True, description="The model's commit, or the hash of its folder (AI System Version Used).")
    prompt: bool = Field(True, description="The prompt, and the negative one if there is one (AI Prompt Information).")
    prompt_writer: Text | None = Field(None, description="Who wrote the prompts (AI Prompt Writer Name).")
    id: bool = Field(True, description="The image's id in the dataset, and the fingerprint of the run's plan.")
    seed: bool = Field(True, description="The seed of the image's noise.")


class ContentCredentials(Section):
    """What a signature says, besides that a model made the image."""

    mining: Mapping[Mining, Use] = Field(
        {},
        description="What the signer allows others to do with the image, as the CAWG's assertion of training and data "
        "mining has it, such as {data_mining: notAllowed}.",
    )


_OFF, _ON = "<off>", "<on>"
_SWITCH = Discriminator(lambda value: _OFF if value is False else _ON)


def _all_or_none(value: object) -> object:
    """`true` is short for a mapping without keys: every key has its default."""
    return {} if value is True else value


MarksOrNone = Annotated[
    Annotated[Marks, Tag(_ON)] | Annotated[Literal[False], Tag(_OFF)],
    _SWITCH,
    BeforeValidator(_all_or_none, json_schema_input_type=Marks | bool),
]
CredentialsOrNone = Annotated[
    Annotated[ContentCredentials, Tag(_ON)] | Annotated[Literal[False], Tag(_OFF)],
    _SWITCH,
    BeforeValidator(_all_or_none, json_schema_input_type=ContentCredentials | bool),
]
