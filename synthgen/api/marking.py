"""What a run's images say of themselves: made from its plan, and from the certificate that the environment names."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING

from synthgen.models import is_folder
from synthgen.planning import Plan
from synthgen.spec import Spec

if TYPE_CHECKING:
    from synthgen.dataset.marking.marking import Marking
    from synthgen.dataset.marking.signing import PictureSigner

_COMPOSITE = ("inpaint", "outpaint")
"""Tasks whose images are pictures of a source in part."""


def marking_of(planned: Plan) -> Marking | None:
    """Return what marks the images of a run; None if its spec wants no marks."""
    from synthgen.dataset.marking.marking import Marking

    says = planned.spec.output.marks
    if says is False:
        return None
    return Marking(
        says,
        source_type_of(planned.spec),
        system=_system_of(planned.spec),
        version=planned.revisions.generator,
        plan=planned.fingerprint,
    )


def signature_of(spec: Spec) -> PictureSigner | None:
    """Return what signs the images of a run; None if its spec wants no signatures.

    Raises:
        UsageError: c2pa is not installed, or certificate and key are missing, unusable, or do not fit.
    """
    from synthgen.dataset.marking.signing import PictureSigner, read_credentials

    says = spec.output.c2pa
    if says is False:
        return None
    names_model = spec.output.marks is not False and spec.output.marks.system
    system = _system_of(spec) if names_model else "synthgen"
    return PictureSigner(
        read_credentials(), source_type_of(spec), system, {str(name): str(use) for name, use in says.mining.items()}
    )


def check_signature(spec: Spec) -> None:
    """Check, before any image is made, that images can be signed if the spec wants that.

    Raises:
        UsageError: they cannot.
    """
    if spec.output.c2pa is not False:
        signature_of(spec)


def source_type_of(spec: Spec) -> str:
    """Return IPTC's Digital Source Type of a spec's images."""
    from synthgen.dataset.marking.mark import COMPOSITE, GENERATED

    return COMPOSITE if spec.task in _COMPOSITE else GENERATED


def _system_of(spec: Spec) -> str:
    """Name the model. Of a folder the last name: the others say where things lie on one machine."""
    model = spec.model.id
    return PurePath(os.path.normpath(model)).name.strip(".") or "a folder" if is_folder(model) else model
