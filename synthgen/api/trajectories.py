"""Trajectories: how a spec's model comes from noise to its images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api import plugged, wiring
from synthgen.api.arguments import PathInput, device_of, number_of, numbers_of, one_spelling, path_of
from synthgen.api.frames import KeptTrajectory, asked_for, look_of, read_frames, write_frames
from synthgen.api.own_spec import plan_of_own_spec
from synthgen.api.specs import SpecInput, spec_of
from synthgen.errors import UsageError, stopped
from synthgen.events import OnProgress, StepProgress, ignore
from synthgen.files import check_file, write_file
from synthgen.inert import inert
from synthgen.pages.facts import facts
from synthgen.planning import Plan, first_candidates
from synthgen.records import Candidate
from synthgen.spec import Spec, variants_of

if TYPE_CHECKING:
    from synthgen.generating.trajectory import Trajectory

FRAMES, STRIP, PAGE = "frames", "trajectory.png", "index.html"
MOST = 64
_PER_STEP = 2
"""Schedulers of second order make up to two steps for each that is asked for."""


@dataclass(frozen=True, slots=True)
class Trajectories:
    """How some images came to be.

    Attributes:
        page, strip: the files that show them.
        drawn: how many were drawn now; the others were there.
        images: what is shown of each.

    Example:
        >>> found = synthgen.trajectory("specs/quickstart.yaml", 1, "outputs/ways", steps=[1])
        >>> found.images[0].frames[-1].kind
        'image'
    """

    page: str
    strip: str
    drawn: int
    images: tuple[KeptTrajectory, ...]

    def __repr__(self) -> str:
        return f"<Trajectories {inert(self.page)}: {len(self.images)} images, {self.drawn} drawn now>"


@one_spelling
def trajectory(
    spec: SpecInput,
    count: int,
    path: PathInput,
    steps: Sequence[int] | None = None,
    device: str = "auto",
    *,
    on_progress: OnProgress = ignore,
    stop: Callable[[], bool] = lambda: False,
) -> Trajectories:
    """Draw the denoising of `count` images: what the model predicts as the clean image at some of its steps.

    Images are those of a preview, in the same order, each drawn alone. What the folder has of them is kept, unless the
    spec or the steps have changed.

    Args:
        path: a folder, for a page, a strip of all frames as a PNG, and each frame as a PNG.
        steps: which steps to show, from 1. By default, up to 6 of them.

    Raises:
        UsageError: there is no such step, or the model is a plug-in's.
        Interrupted: `stop` said so, between two images.
        ModelError, DeviceError, StorageError: as `run`; or the pipeline does not tell what its steps predict.

    Example:
        >>> synthgen.trajectory("specs/quickstart.yaml", 1, "outputs/ways", steps=[1]).page
        'outputs/ways/index.html'
    """
    device, count, folder = device_of(device), number_of(count, "count"), path_of(path, "path")
    spec = spec_of(spec)
    if count > MOST:
        raise UsageError(f"expected at most {MOST} images, found {count}", argument="count")
    wanted = None if steps is None else _checked(steps, spec)
    if plugged.names_generator(spec):
        what = f"{spec.model.id} is a plug-in, whose steps nothing tells"
        raise UsageError(what, hint="It is for pipelines of diffusers.", argument="spec")
    check_file(folder / PAGE)
    planned = plan_of_own_spec(spec)
    wiring.check_keys(planned)
    asked = asked_for(planned.fingerprint, wanted)
    candidates = first_candidates(planned, count)
    kept = {one.id: read_frames(folder / FRAMES / one.id, one, asked) for one in candidates}
    missing = [one for one in candidates if kept[one.id] is None]

    def report(done: int) -> None:
        on_progress(StepProgress("drawing", "images", done, count))

    report(count - len(missing))
    draw = _Drawing(planned, device, wanted) if missing else None
    for number, one in enumerate(missing, start=1):
        if stop():
            raise stopped()
        assert draw is not None
        found, pngs = draw(one)
        kept[one.id] = write_frames(folder / FRAMES / one.id, found, pngs, asked)
        report(count - len(missing) + number)

    images = tuple(each for one in candidates if (each := kept[one.id]) is not None)
    _show(planned, folder, images)
    return Trajectories(str(folder / PAGE), str(folder / STRIP), len(missing), images)


def _checked(steps: Sequence[int], spec: Spec) -> list[int]:
    wanted = numbers_of(steps, "steps")
    most = max(settings.steps for settings in variants_of(spec.model))
    if max(wanted) > _PER_STEP * most:
        raise UsageError(f"there is no step {max(wanted)}: model.steps is {most}", argument="steps")
    return wanted


class _Drawing:
    """Draws candidates one by one, with a model that is loaded for the first."""

    def __init__(self, planned: Plan, device: str, wanted: Sequence[int] | None) -> None:
        from synthgen.generating.renderer import Renderer
        from synthgen.generating.staged import StagedRenderer

        generator = wiring.generator(planned, device)
        if isinstance(generator, StagedRenderer):
            generator = generator.first
        assert isinstance(generator, Renderer), "a plug-in was refused"
        self._renderer = generator
        self._wanted = wanted
        generator.setup()

    def __call__(self, candidate: Candidate) -> tuple[Trajectory, list[bytes | None]]:
        from synthgen.generating.trajectory import draw_trajectory
        from synthgen.running.shard.encode import png, to_host

        found = draw_trajectory(self._renderer, candidate, self._wanted)
        return found, [None if one.image is None else png(to_host([one.image])[0]) for one in found.frames]


def _show(planned: Plan, folder: Path, images: Sequence[KeptTrajectory]) -> None:
    from synthgen.pages.trajectory import draw_strip, write_trajectories

    looks = [look_of(folder / FRAMES / one.candidate.id, one) for one in images]
    write_file(folder / STRIP, draw_strip(looks))
    write_trajectories(folder / PAGE, f"{planned.spec.name}: from noise to image", facts(planned), looks, STRIP)
