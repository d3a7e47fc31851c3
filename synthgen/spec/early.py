"""The key `filters.early`."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from synthgen.spec.fields import Section


class EarlyFilter(Section):
    """Stops attempts after a few steps that would be rejected: see docs/early.md."""

    steps: Annotated[int, Field(ge=1, le=999)] | Literal["auto"] = Field(
        "auto",
        description="After how many steps to look. 'auto' looks after 15 % of them, and looks at nothing where it "
        "cannot, or where it does not pay. With a number, a spec is refused where it cannot act.",
    )
    keep: float = Field(
        0.9,
        ge=0.5,
        le=0.999,
        description="The smallest share of the good images that must not be lost, of each class and each value of an "
        "attribute. Higher values need more attempts before anything is stopped: 29 good images at 0.9, 99 at 0.97.",
    )


def _early(value: object) -> object:
    if value is False or value == "off":  # YAML reads `off` as false
        return None
    return {"steps": value} if isinstance(value, str | int) and not isinstance(value, bool) else value


Early = Annotated[
    EarlyFilter | None,
    BeforeValidator(_early, json_schema_input_type=EarlyFilter | Literal["auto", "off", False] | None),
]
