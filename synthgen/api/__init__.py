"""The Python face of synthgen, and the one place where the rooms are put together.

    spec = synthgen.api.read_spec(Path("specs/quickstart.yaml"))
    result = synthgen.api.run(spec)
    datasets.load_dataset(str(result.dataset))

Rooms are imported when they are needed: planning must not wait for torch.
"""

from synthgen.api.calibrating import calibrate, pilot
from synthgen.api.machine import doctor
from synthgen.api.planning import Forecast, forecast, plan, sample
from synthgen.api.running import RunResult, finalize, preview, rejudge, replay, run, status, verify, work
from synthgen.spec import parse_spec, read_spec

__all__ = [
    "Forecast",
    "RunResult",
    "calibrate",
    "doctor",
    "finalize",
    "forecast",
    "parse_spec",
    "pilot",
    "plan",
    "preview",
    "read_spec",
    "rejudge",
    "replay",
    "run",
    "sample",
    "status",
    "verify",
    "work",
]
