"""Command lines of evaluations, for the readers of their page to copy."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping

OPTIONS: Mapping[str, str] = {
    "real": "--real",
    "synthetic": "--synthetic",
    "test": "--test",
    "more_real": "--more-real",
    "learner": "--learner",
    "image_size": "--image-size",
    "steps": "--steps",
    "seeds": "--seeds",
    "smallest_effect": "--smallest-effect",
    "gates": "--gate",
    "judge": "--judge",
    "label": "--label",
    "cluster": "--cluster",
    "group": "--group",
    "images_from": "--images-from",
    "allow_remote": "--allow-remote",
    "cache": "--cache",
    "save_learner": "--save-learner",
    "device": "--device",
    "seed": "--seed",
    "suggest": "--suggest",
    "output": "-o",
}
"""By argument of `synthgen.evaluate` its option, in the order of a written command."""
_SETS = ("real", "synthetic", "test", "more_real")


def evaluate_command(given: Mapping[str, object], defaults: Mapping[str, object]) -> str | None:
    """Write the shell command of an evaluation, without the arguments that have their defaults.

    Returns:
        None if no command can say all of it: sets in memory have no name there.
    """
    if not all(isinstance(given.get(name), str | os.PathLike | None) for name in _SETS):
        return None
    words = ["synthgen", "evaluate"]
    for argument, option in OPTIONS.items():
        if given.get(argument) == defaults.get(argument):
            continue
        for value in _values(given[argument]):
            words += [option] if value is None else [f"{option}={value}"] if value[:1] == "-" else [option, value]
    return shlex.join(words)


def with_output(command: str | None, folder: str | os.PathLike[str]) -> str | None:
    """Add to the command of an evaluation the folder that its user named."""
    if command is None:
        return None
    value = os.fspath(folder)
    return f"{command} {OPTIONS['output']} {shlex.quote(f'./{value}' if value[:1] == '-' else value)}"


def _values(value: object) -> Iterator[str | None]:
    """Write each value as the command line takes it; None is an option without a value."""
    if value is True:
        yield None
    elif isinstance(value, list | tuple):
        yield from (str(each) for each in value)
    elif value is not None and value is not False:
        yield os.fspath(value) if isinstance(value, os.PathLike) else str(value)
