"""What an audit needs to know about a set that has no spec: attributes, target shares and gates."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from synthgen.spec.attribute import Attribute, Balance, GateSpec
from synthgen.spec.fields import Section, VariableName


class Declared(Section):
    """The sections of a spec that an audit needs."""

    attributes: Annotated[Mapping[VariableName, Attribute], Field(min_length=1)]
    balance: Annotated[tuple[Balance, ...], Field(strict=False)] = ()
    gates: Annotated[tuple[GateSpec, ...], Field(strict=False)] = ()
