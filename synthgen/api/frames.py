"""The frames of a trajectory as files: a folder for each image, and a record that is written last."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.api.results import digest_of_file
from synthgen.bounded import read_bounded
from synthgen.errors import StorageError
from synthgen.files import as_storage_error, refuse_links, write_file
from synthgen.pages.trajectory import FrameLook, TrajectoryLook
from synthgen.records import Candidate
from synthgen.seal import seal, unseal

if TYPE_CHECKING:
    from synthgen.generating.trajectory import Trajectory

RECORD = "frames.json"


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A frame in its file.

    Attributes:
        kind, step, timestep, noise: as of `Frame` in `synthgen/generating/trajectory.py`.
        file: its name; None where there is no picture.
        sha256: of the file.
    """

    kind: str
    step: int
    timestep: float
    noise: float | None
    file: str | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class KeptTrajectory:
    """The frames of an image, in their order, and how many steps the scheduler made."""

    candidate: Candidate
    steps: int
    failure: str | None
    frames: tuple[KeptFrame, ...]


def asked_for(fingerprint: str, wanted: Sequence[int] | None) -> dict[str, object]:
    """Return what decides the frames of a candidate, for `read_frames` to compare."""
    return {"fingerprint": fingerprint, "steps": None if wanted is None else sorted(set(wanted))}


def read_frames(folder: Path, candidate: Candidate, asked: Mapping[str, object]) -> KeptTrajectory | None:
    """Read what was kept of a candidate; None if it is missing, damaged, or of another plan or other steps."""
    refuse_links(folder.parent, folder / RECORD)
    try:
        content, _ = unseal(read_bounded(folder / RECORD).decode())
        if content["asked"] != asked or content["seed"] != candidate.seed or content["prompt"] != candidate.prompt:
            return None
        frames = tuple(KeptFrame(**frame) for frame in content["frames"])
        if not all(frame.file is None or _is_intact(folder, frame) for frame in frames):
            return None
        return KeptTrajectory(candidate, int(content["of"]), content["failure"], frames)
    except (OSError, StorageError, ValueError, LookupError, TypeError):
        return None


def write_frames(
    folder: Path, found: Trajectory, pngs: Sequence[bytes | None], asked: Mapping[str, object]
) -> KeptTrajectory:
    """Write the frames of a candidate, and last the record that they are whole.

    Raises:
        StorageError: they cannot be written.
    """
    frames = []
    for frame, png in zip(found.frames, pngs, strict=True):
        name = f"{frame.kind}-{frame.step:04d}.png" if png is not None else None
        if name is not None and png is not None:
            write_file(folder / name, png)
        digest = None if png is None else sha256(png).hexdigest()
        frames.append(KeptFrame(frame.kind, frame.step, frame.timestep, frame.noise, name, digest))

    candidate, failure = found.rendered.candidate, found.rendered.failure
    why = failure.kind if failure else None
    content = {
        "asked": dict(asked),
        "id": candidate.id,
        "class": candidate.class_name,
        "prompt": candidate.prompt,
        "negative_prompt": candidate.negative_prompt,
        "seed": candidate.seed,
        "of": found.steps,
        "failure": why,
        "frames": [asdict(frame) for frame in frames],
    }
    write_file(folder / RECORD, seal(json.dumps(content, indent=1, ensure_ascii=False)).encode())
    return KeptTrajectory(candidate, found.steps, why, tuple(frames))


def look_of(folder: Path, kept: KeptTrajectory) -> TrajectoryLook:
    """Return the frames as the page and the strip show them.

    Raises:
        StorageError: one cannot be read.
    """
    looks = []
    for frame in kept.frames:
        with as_storage_error(folder):
            png = None if frame.file is None else (folder / frame.file).read_bytes()
        looks.append(FrameLook(_title(frame, kept.steps), tuple(_details(frame, kept)), png))
    one = kept.candidate
    return TrajectoryLook(one.id, one.class_name, one.prompt, one.seed, tuple(looks))


def _title(frame: KeptFrame, steps: int) -> str:
    if frame.kind == "noise":
        return "noise"
    return f"image, after {steps} steps" if frame.kind == "image" else f"step {frame.step} of {steps}"


def _details(frame: KeptFrame, kept: KeptTrajectory) -> list[str]:
    if frame.kind == "image":
        return [kept.failure.replace("_", " ")] if kept.failure else []
    details = [f"timestep {frame.timestep:.4g}"]
    if frame.noise is not None and frame.kind != "noise":
        details.append(f"{frame.noise:.1%} noise")
    return details


def _is_intact(folder: Path, frame: KeptFrame) -> bool:
    file = frame.file or ""
    if Path(file).name != file:
        return False
    refuse_links(folder.parent, folder / file)
    return digest_of_file(folder / file) == frame.sha256
