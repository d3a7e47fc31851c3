"""The Python API of synthgen, and the one place where the packages are wired together.

    spec = synthgen.load_spec("specs/quickstart.yaml")
    result = synthgen.run(spec)
    datasets.load_dataset(str(result.dataset))

Names are imported when they are first used: `synthgen validate` must not wait for what makes runs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthgen.api.auditing import Audit, audit, check_output, embeddings_folder, output_folder
    from synthgen.api.calibrating import calibrate, keep_share, pilot
    from synthgen.api.finishing import RunResult, finalize
    from synthgen.api.machine import doctor
    from synthgen.api.planning import Forecast, forecast, plan, sample, steering_notes
    from synthgen.api.rejudging import rejudge
    from synthgen.api.running import begin, preview, repair, replay, run, status, unverified, verify, work
    from synthgen.api.sampling import export_labels
    from synthgen.api.specs import checked_spec, load_spec, read_source, read_spec
    from synthgen.planning import Rounding, rounding_of

_NAMES = {
    "synthgen.api.auditing": ("Audit", "audit", "check_output", "embeddings_folder", "output_folder"),
    "synthgen.api.calibrating": ("calibrate", "keep_share", "pilot"),
    "synthgen.api.finishing": ("RunResult", "finalize"),
    "synthgen.api.machine": ("doctor",),
    "synthgen.api.planning": ("Forecast", "forecast", "plan", "sample", "steering_notes"),
    "synthgen.api.rejudging": ("rejudge",),
    "synthgen.api.running": ("begin", "preview", "repair", "replay", "run", "status", "unverified", "verify", "work"),
    "synthgen.api.sampling": ("export_labels",),
    "synthgen.planning": ("Rounding", "rounding_of"),
    "synthgen.api.specs": ("checked_spec", "load_spec", "read_source", "read_spec"),
}

__all__ = [
    "Audit",
    "Forecast",
    "Rounding",
    "RunResult",
    "audit",
    "begin",
    "calibrate",
    "check_output",
    "checked_spec",
    "doctor",
    "embeddings_folder",
    "export_labels",
    "finalize",
    "forecast",
    "keep_share",
    "load_spec",
    "output_folder",
    "pilot",
    "plan",
    "preview",
    "read_source",
    "read_spec",
    "rejudge",
    "repair",
    "replay",
    "rounding_of",
    "run",
    "sample",
    "status",
    "steering_notes",
    "unverified",
    "verify",
    "work",
]


def __getattr__(name: str) -> Any:
    for module, names in _NAMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
