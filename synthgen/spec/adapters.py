"""Adapters of a model: small files of weights that change how it draws, and when each of them acts."""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from synthgen.spec.choices import TextOrTexts
from synthgen.spec.fields import Revision, Section, Text, VariableName

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
BUNDLED_ADAPTERS = ("bundled:medallion",)
"""The ids of the adapters that ship with synthgen."""
_PLACE = re.compile(r"(\.{0,2}/|~|[A-Za-z]:[\\/]).+(?<!\.bin)(?<!\.ckpt)(?<!\.pkl)(?<!\.pt)(?<!\.pth)")
"""A file or a folder. No pickle is read, and a spec that names one is wrong before anybody looks for the file."""
_DEFAULT = {"lora": "pytorch_lora_weights.safetensors", "textual_inversion": "learned_embeds.safetensors"}


def _adapter_id(value: str) -> str:
    if value in BUNDLED_ADAPTERS or _PLACE.fullmatch(value) or (HUB_ID.fullmatch(value) and not value.startswith(".")):
        return value
    raise PydanticCustomError(
        "expected",
        f"'{BUNDLED_ADAPTERS[0]}', a hub id such as 'owner/name', or a .safetensors file or a folder from "
        "`synthgen tune` that starts with './' or '/'",
    )


def _file_name(value: str) -> str:
    parts = PurePosixPath(value).parts
    if value.endswith(".safetensors") and not {"..", "/", "~"} & set(parts) and "\\" not in value:
        return value
    raise PydanticCustomError("expected", "the name of a .safetensors file in the repository")


def own_label(adapter_id: str) -> str:
    """Return what records call an adapter that has no name of its own."""
    return PurePosixPath(adapter_id).name.removesuffix(".safetensors").removeprefix("bundled:")


class AdapterSpec(Section):
    """One adapter, and when it acts."""

    id: Annotated[Text, AfterValidator(_adapter_id)] = Field(
        description="A .safetensors file or a folder from `synthgen tune`, starting with './', '~' or '/'; a hub id "
        "such as 'owner/name'; or "
        f"'{BUNDLED_ADAPTERS[0]}' (ships with synthgen, for the bundled model)."
    )
    file: Annotated[Text, AfterValidator(_file_name)] | None = Field(
        None, description="For a hub id: which file. Default: 'pytorch_lora_weights.safetensors', or 'learned_embeds'."
    )
    revision: Revision | None = Field(
        None, description="For a hub id: branch, tag or commit. The plan records the commit it points to."
    )
    kind: Literal["lora", "textual_inversion"] = Field(
        "lora", description="'lora' (also LoKr and what else diffusers reads as one), or 'textual_inversion'."
    )
    name: VariableName | None = Field(
        None, description="What records call it. Default: the name of its file. Each adapter has another one."
    )
    weight: float = Field(1.0, ge=-10, le=10, description="How strongly it acts; 0 turns it off.")
    when: Mapping[VariableName, TextOrTexts] = Field(
        {},
        description="Where it acts: for these values of 'class' and of prompt variables, such as {class: [doctor]}. "
        "Default: in every image.",
    )
    trigger: Text | None = Field(
        None,
        description="The words that call it, which the prompts must contain; of a textual inversion, its token.",
    )
    license: Text | None = Field(None, description="A note on its licence, for the dataset's card.")

    @property
    def label(self) -> str:
        """What records call it."""
        return self.name or own_label(self.id)

    @property
    def file_name(self) -> str:
        """The file of a hub id."""
        return self.file or _DEFAULT[self.kind]

    @property
    def is_hub(self) -> bool:
        return self.id not in BUNDLED_ADAPTERS and not _PLACE.fullmatch(self.id)

    def acts(self, class_name: str, variables: Iterable[tuple[str, str]]) -> bool:
        """Whether it changes an image of this class whose prompt variables have these values."""
        values = {"class": class_name, **dict(variables)}
        return self.weight != 0 and all(values.get(name) in wanted for name, wanted in self.when.items())

    def described(self, revision: str, license: str | None = None, tuned: str | None = None) -> str:
        """Say in a line what it is, exactly which one, where it acts, and what it was tuned on."""
        where = "; ".join(f"{name} is {' or '.join(values)}" for name, values in self.when.items())
        parts = (
            f"{self.kind.replace('_', ' ')} {self.id}" + (f" {self.file_name}" if self.is_hub else ""),
            f"weight {self.weight:g}" if self.kind == "lora" else "",
            f"where {where}" if where else "",
            f"trigger {self.trigger}" if self.trigger else "",
            f"licence {license}" if license else "",
            tuned or "",
            revision,
        )
        return ", ".join(filter(None, parts))
