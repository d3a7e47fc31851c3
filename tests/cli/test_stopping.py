"""What the first Ctrl-C says: when the command will really stop."""

import signal
import threading
from collections.abc import Iterator

import pytest

from synthgen.cli.option_names import NO_OPTIONS
from synthgen.cli.session import session
from synthgen.cli.stopping import NOTE, stop_on_signals
from synthgen.events import Event, Progress, RunStarted, StepProgress
from tests.command import process_left_as_it_was


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    with process_left_as_it_was():
        yield


@pytest.mark.parametrize(
    ("event", "when", "said"),
    [
        (None, None, "stopping before the first batch;"),
        (RunStarted("outputs/x", 1, 0, {}), None, "stopping before the first batch;"),
        (Progress(0, {}, 1.0, committed=False), None, "stopping after this batch;"),
        (StepProgress("writing the dataset", "images", 1, 2), None, "stopping when this is done: writing the dataset;"),
        (StepProgress("reading the real set", "images", 1, 2), "now", "stopping now;"),
    ],
)
def test_the_first_signal_says_when_the_command_will_stop(
    event: Event | None, when: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    session.begin("run", NO_OPTIONS, as_json=False, quiet=False, verbose=False)
    stop = stop_on_signals(when)
    with session.progress("outputs/x", "a run") as on_progress:
        if event is not None:
            on_progress(event)
        signal.raise_signal(signal.SIGTERM)
        for thread in [one for one in threading.enumerate() if one.name == NOTE]:
            thread.join(30)
    assert stop.is_set()
    assert f"{said[:-1]}; press Ctrl-C again" in capsys.readouterr().err
