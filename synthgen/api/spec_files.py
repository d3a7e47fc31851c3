"""The files that a spec names: shares, counts, the order of classes, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api.learner_filter import named_learner
from synthgen.bounded import read_bounded
from synthgen.errors import UsageError
from synthgen.ledger import columns
from synthgen.spec import CALIBRATED, Balance, ClassSpec, LabelsLike, Spec, limited
from synthgen.spec.errors_file import AimedBy, is_errors, read_errors, shares_of_classes

if TYPE_CHECKING:
    from synthgen.judging.calibration.threshold import Calibration


def files_of(spec: Spec, calibrated: bool) -> list[tuple[tuple[str | int, ...], Callable[[], object]]]:
    """List where the spec names files, with a function that reads each.

    Args:
        calibrated: whether the files of thresholds must already exist.
    """
    files: list[tuple[tuple[str | int, ...], Callable[[], object]]] = [
        (("balance", index, "target", "from"), partial(_with_explicit_share, entry, spec))
        for index, entry in enumerate(spec.balance)
    ]
    files.append((("counts", "from"), partial(_aimed_classes, spec)))
    files.append((("output", "labels", "like"), partial(_explicit_labels, spec)))
    files.append((("filters", "learner", "model"), partial(named_learner, spec)))
    if calibrated:
        files += [(("filters", name, "calibration"), partial(calibration_of, spec, name)) for name in CALIBRATED]
    return files


def with_files_read(spec: Spec) -> Spec:
    """Replace files by what they say: those of `balance` by shares, that of `counts` by counts, a set by its classes.

    Raises:
        UsageError: a file cannot be used.
    """
    entries, labels = tuple(_with_explicit_share(entry, spec) for entry in spec.balance), _explicit_labels(spec)
    if entries == spec.balance and labels == spec.output.labels and spec.counts is None:
        return spec
    output = spec.output.model_copy(update={"labels": labels})
    read = {"balance": entries, "output": output, "classes": _aimed_classes(spec), "counts": None}
    return spec.model_copy(update={**read, "aimed_by": (*spec.aimed_by, *_errors_read(spec))})


def _explicit_labels(spec: Spec) -> object:
    """Return `output.labels`; in place of a set, the order of its classes.

    Raises:
        UsageError: the set cannot be opened, does not number its classes, or has others.
    """
    labels = spec.output.labels
    if not isinstance(labels, LabelsLike):
        return labels
    from synthgen.sets.class_order import class_order

    return class_order(labels.like, list(spec.classes))


def _with_explicit_share(entry: Balance, spec: Spec) -> Balance:
    if entry.target == "uniform" or not isinstance(file := entry.target.get("from"), str):
        return entry
    from synthgen.sets.shares import read_shares

    values = spec.attributes[entry.attribute].values.keys()
    shares = read_shares(Path(file), entry.attribute, values, columns.attribute(entry.attribute))
    return entry.model_copy(update={"target": shares})


def _aimed_classes(spec: Spec) -> Mapping[str, ClassSpec]:
    """Return the classes, with their total divided by the shares of the file that `counts` names.

    Each class has an image at least; the others are divided by the largest remainders.
    """
    if spec.counts is None:
        return spec.classes
    path = Path(spec.counts["from"])
    found, _ = read_errors(path)
    shares = shares_of_classes(found, path, spec.classes.keys())
    counts = limited({name: Fraction(share) for name, share in shares.items()}, spec.total)
    return {name: kind.model_copy(update={"count": counts[name]}) for name, kind in spec.classes.items()}


def _errors_read(spec: Spec) -> tuple[AimedBy, ...]:
    """Say which files of errors the spec names, each once."""
    targets = [entry.target for entry in spec.balance if entry.target != "uniform"] + [spec.counts or {}]
    named = [Path(file) for target in targets if isinstance(file := target.get("from"), str)]
    read = (read_errors(path)[1] for path in named if is_errors(path))
    return tuple(dict.fromkeys(read))


def calibration_of(spec: Spec, name: str) -> Calibration | None:
    """Read the calibration that a filter names; None if it names none."""
    section = getattr(spec.filters, name)
    if section is None or section.calibration is None:
        return None
    from synthgen.judging.calibration.threshold import Calibration

    path, hint = Path(section.calibration), "`synthgen calibrate` writes such a file."
    try:
        found = Calibration.from_json(read_bounded(path).decode("utf-8"), str(path))
    except FileNotFoundError:
        raise UsageError(f"there is no file {path} in {Path.cwd()}", hint=hint) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise UsageError(f"{path} cannot be read: {reason}", hint=hint) from error
    if found.filter != name:
        raise UsageError(f"{path} is the calibration of the filter {found.filter!r}, not of {name!r}", hint=hint)
    return found
