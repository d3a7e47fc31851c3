"""Pictures that images are to be like: IP-Adapters, each with its image encoder and the picture that it is shown."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from synthgen.spec.components import ComponentSpec, inside
from synthgen.spec.fields import Revision, Section, Text
from synthgen.spec.model import FOLDER_ID, HUB_ID

BEGUN = "source"
"""What a reference's picture is called if it is the one that an image begins from."""
ENCODER = "image_encoder"
"""The folder of the image encoder, as diffusers calls it."""


def _place(value: str) -> str:
    if any(form.fullmatch(value) for form in (HUB_ID, FOLDER_ID)):
        return value
    raise PydanticCustomError("expected", "a hub id such as 'owner/name', or a folder that starts with './' or '/'")


def _picture(value: str) -> str:
    if value == BEGUN or FOLDER_ID.fullmatch(value):
        return value
    raise PydanticCustomError(
        "expected", f"a file that starts with './', '~' or '/', or '{BEGUN}', the picture that an image begins from"
    )


def _weights(value: str) -> str:
    if inside(value).endswith(".safetensors"):
        return value
    what = "the name of a .safetensors file in the repository or folder"
    if value.endswith((".bin", ".pt", ".pth", ".ckpt")):
        what += ": pickles can run code, and are not opened"
    raise PydanticCustomError("expected", what)


def _id_alone(value: object) -> object:
    """`encoder: ./clip` is short for `encoder: {id: ./clip}`."""
    return {"id": value} if isinstance(value, str) else value


class EncoderSpec(Section):
    """The image encoder of an IP-Adapter."""

    id: Annotated[Text, AfterValidator(_place)] | None = Field(
        None, description="A folder, or a hub id such as 'owner/name'. Default: where the adapter is."
    )
    subfolder: Annotated[Text, AfterValidator(inside)] | None = Field(
        None,
        description=f"Where in the folder or repository. Default: beside the adapter's file, '{ENCODER}'; of another "
        "place, its top.",
    )
    revision: Revision | None = Field(
        None, description="For a hub id: branch, tag or commit. The plan records the commit it points to."
    )


class ReferenceSpec(Section):
    """One IP-Adapter, the picture that it is shown, and how strongly it acts."""

    model: Annotated[Text, AfterValidator(_place)] = Field(
        description="An IP-Adapter: a folder that starts with './', '~' or '/', or a hub id such as 'owner/name'."
    )
    file: Annotated[Text, AfterValidator(_weights)] = Field(
        description="Its weights there, a .safetensors file, such as 'ip-adapter_sd15.safetensors'."
    )
    subfolder: Annotated[Text, AfterValidator(inside)] | None = Field(
        None, description="Where in the folder or repository the file is. Default: its top."
    )
    revision: Revision | None = Field(
        None, description="For a hub id: branch, tag or commit. The plan records the commit it points to."
    )
    encoder: Annotated[EncoderSpec, BeforeValidator(_id_alone, json_schema_input_type=EncoderSpec | Text)] | None = (
        Field(
            None,
            description="The image encoder that it was trained with: an id, or a mapping with id and other keys. "
            f"Default: the folder '{ENCODER}' beside the file.",
        )
    )
    image: Annotated[Text, AfterValidator(_picture)] | None = Field(
        None,
        description=f"The picture that it is shown, by all images: a file that starts with './', '~' or '/'; or "
        f"'{BEGUN}', for each image the picture that it begins from. The plan records the sha256 of the file. Give "
        "this or 'column'.",
    )
    column: Text | None = Field(
        None, description="The column of the source set with the picture that it is shown, one for each image."
    )
    weight: float = Field(1.0, gt=0, le=2, description="How strongly it acts.")

    @property
    def is_hub(self) -> bool:
        return not FOLDER_ID.fullmatch(self.model)

    @property
    def path(self) -> str | None:
        """The file of the picture that all images are shown; None if each is shown one of its own."""
        return None if self.image == BEGUN else self.image

    def components(self, name: str) -> dict[str, ComponentSpec]:
        """Say where its weights and its image encoder are, as of other components, by the names that they go by."""
        within = f"{self.subfolder}/{self.file}" if self.subfolder else self.file
        own = {"revision": self.revision}
        adapter = ComponentSpec(id=self.model, file=within, **own)
        if not self.is_hub:
            adapter = ComponentSpec(id=f"{self.model.rstrip('/')}/{within}")
        encoder = self.encoder or EncoderSpec()
        if encoder.id is not None:
            found = ComponentSpec(id=encoder.id, subfolder=encoder.subfolder, revision=encoder.revision)
        else:
            beside = f"{self.subfolder}/{ENCODER}" if self.subfolder else ENCODER
            found = ComponentSpec(id=self.model, subfolder=encoder.subfolder or beside, **own)
        return {name: adapter, f"{name}.encoder": found}

    def described(self, revision: str) -> str:
        """Say in a line what acts, by which picture, and how strongly."""
        shown = f"column {self.column}" if self.column else f"picture {self.image}"
        if self.image == BEGUN:
            shown = "the picture that an image begins from"
        where = " ".join(filter(None, (self.model, self.subfolder, self.file)))
        return ", ".join(filter(None, (where, shown, f"weight {self.weight:g}", revision)))
