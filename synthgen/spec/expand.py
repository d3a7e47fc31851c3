"""`prompts.expand`: prompts that a language model writes, and what the spec keeps of them."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from synthgen.spec.fields import ClassName, Revision, Section, Text, Texts, VariableName, Weight, like
from synthgen.spec.model import FOLDER_ID, HUB_ID

_SHA256 = like(r"^[0-9a-f]{64}$", "64 hexadecimal digits", 64)


def _writer_id(value: str) -> str:
    if HUB_ID.fullmatch(value) or FOLDER_ID.fullmatch(value):
        return value
    raise PydanticCustomError("expected", "a hub id such as 'owner/name', or a folder that starts with './' or '/'")


class ExpandedPrompts(Section):
    """The prompts of a class for some values of the variables that steer its balance."""

    values: Mapping[VariableName, Text] = Field({}, description="The values of variables that they are for.")
    texts: Texts = Field(description="The prompts. Braces in them are braces.")


class WrittenBy(Section):
    """The language model that wrote prompts, and what it was asked."""

    file: Text = Field(description="The file that they were read from, without folders.")
    sha256: Annotated[str, _SHA256] = Field(description="The sha256 of the file.")
    model: Text = Field(description="The model's name; of an endpoint, the one that its answers gave.")
    revision: Text | None = Field(None, description="The commit or the hash of its files; an endpoint gives none.")
    instructions: Text | None = Field(None, description="What it was told besides.")
    temperature: float = Field(description="The temperature that it wrote with.")
    seed: int = Field(description="The seed that it was given.")


class Expand(Section):
    """Prompts written by a language model. `synthgen expand` asks it, and nothing else does."""

    file: Text | None = Field(
        None,
        description="Where `synthgen expand` writes the prompts, a .json. The plan keeps them: a run never reads the "
        "file again, and never asks again.",
    )
    model: Annotated[Text, AfterValidator(_writer_id)] | None = Field(
        None,
        description="A language model of transformers: a hub id such as 'owner/name', or a folder that starts with "
        "'./', '~' or '/'.",
    )
    revision: Revision | None = Field(None, description="Branch, tag or commit of a model on the hub.")
    endpoint: (
        Annotated[str, like(r"^https?://[^\s?#]+$", "an address such as http://127.0.0.1:8000/v1", 500)] | None
    ) = Field(
        None, description="Instead of 'model': the address of an OpenAI-compatible API, without '/chat/completions'."
    )
    name: Text | None = Field(None, description="The name of the model at the endpoint.")
    n: Annotated[int, Field(ge=1, le=1000)] = Field(
        20, description="Prompts for each class, and each combination of the values that steer its balance."
    )
    instructions: Text | None = Field(
        None, description="What to tell the model besides, such as 'indoor scenes only; name the light'."
    )
    temperature: Annotated[float, Field(ge=0, le=2)] = Field(
        1.0, description="How freely it writes: higher values give more different prompts, and more useless ones."
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        0, description="The seed that the model gets, where it takes one."
    )
    timeout: Annotated[int, Field(ge=1, le=3600)] = Field(
        120, description="Seconds in which the endpoint must have given a whole answer."
    )
    allow_fewer: bool = Field(
        False, description="Go on with fewer prompts than 'n' where the model gives no more that can be used."
    )
    weight: Weight = Field(
        1.0, description="How often one of these prompts is drawn, compared with the weight of each template."
    )
    prompts: Mapping[ClassName, Annotated[tuple[ExpandedPrompts, ...], Field(strict=False, min_length=1)]] | None = (
        Field(None, description="The prompts, by class. Written by synthgen when it reads the 'file'.")
    )
    written_by: WrittenBy | None = Field(
        None, description="Who wrote them. Written by synthgen when it reads the 'file'."
    )
