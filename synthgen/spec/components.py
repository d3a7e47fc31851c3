"""Other components of a pipeline, by the name of the part whose place they take."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from synthgen.spec.adapters import HUB_ID
from synthgen.spec.fields import Revision, Section, Text, VariableName

WEIGHTS = (".safetensors", ".gguf")
_PLACE = re.compile(r"(\.{0,2}/|~|[A-Za-z]:[\\/]).*")


def _component_id(value: str) -> str:
    if _PLACE.fullmatch(value) or (HUB_ID.fullmatch(value) and not value.startswith(".")):
        return value
    raise PydanticCustomError(
        "expected",
        "a hub id such as 'owner/name', or a folder, .safetensors or .gguf file that starts with './' or '/'",
    )


def inside(value: str) -> str:
    """Check a path that may not lead out of its folder."""
    if not {"..", "/", "~"} & set(PurePosixPath(value).parts) and "\\" not in value and not value.startswith("."):
        return value
    raise PydanticCustomError("expected", "a path inside the repository or folder")


def _file(value: str) -> str:
    if inside(value).endswith(WEIGHTS):
        return value
    raise PydanticCustomError("expected", "the name of a .safetensors or .gguf file in the repository")


class ComponentSpec(Section):
    """One component that takes the place of the pipeline's own."""

    id: Annotated[Text, AfterValidator(_component_id)] = Field(
        description="A folder with safetensors, a .safetensors or .gguf file, or a hub id such as 'owner/name'."
    )
    subfolder: Annotated[Text, AfterValidator(inside)] | None = Field(
        None, description="Where in the folder or repository. Default: the component's own name in a whole pipeline."
    )
    file: Annotated[Text, AfterValidator(_file)] | None = Field(
        None, description="For a hub id: one .safetensors or .gguf file of the repository."
    )
    revision: Revision | None = Field(
        None, description="For a hub id: branch, tag or commit. The plan records the commit it points to."
    )

    @property
    def is_hub(self) -> bool:
        return not _PLACE.fullmatch(self.id)

    @property
    def is_file(self) -> bool:
        """Whether it is one file, and not a folder."""
        return (self.file or "" if self.is_hub else self.id).endswith(WEIGHTS)

    def described(self, revision: str) -> str:
        """Say in a line what it is, and exactly which one."""
        return " ".join(filter(None, (self.id, self.file or self.subfolder, revision)))


def _id_alone(value: object) -> object:
    """`vae: ./my-vae` is short for `vae: {id: ./my-vae}`."""
    return {"id": value} if isinstance(value, str) else value


Components = Mapping[
    VariableName,
    Annotated[ComponentSpec, BeforeValidator(_id_alone, json_schema_input_type=ComponentSpec | Text)],
]
