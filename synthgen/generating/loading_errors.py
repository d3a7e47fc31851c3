"""Why a model cannot be loaded, in words: too little memory, a damaged file, a missing package, weights that differ."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from safetensors import SafetensorError
from torch import nn

from synthgen.errors import ModelError, SynthgenError, first_line
from synthgen.generating.heard import heard
from synthgen.models.device import device_error
from synthgen.sets.near_names import first_of

_AGAIN = "Download the model again: one of its files is damaged, or was not copied whole."
_UNLIKE = "The weights are not those that the settings beside them describe: take both from the same model."
_KINDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"missing in the checkpoint", re.I), "Name where that component is in model.components."),
    (re.compile(r"no file named|not appear to have a file", re.I), "It lacks a file: check model.variant."),
    (re.compile(r"size mismatch|expected shape|ignore_mismatched_sizes|shapes? .*match", re.I), _UNLIKE),
    (re.compile(r"unable to load weights|incomplete metadata|deserializ", re.I), _AGAIN),
)
_INSTALL = "Install the package that it names, in the environment of synthgen."
_OTHER = "It must be a text-to-image pipeline of diffusers with safetensors weights."
_NEW = re.compile(r"Some weights of (\w+) were not initialized .*?newly initialized: \[(.*?)\]", re.DOTALL)
_REPORT = re.compile(r"(\w+)\S* LOAD REPORT")
_ROW = re.compile(r"^(\S+)\s*\|\s*MISSING", re.MULTILINE)
_SIZE = r"torch\.Size\((\[.*?\])\)"
_SHAPES = (
    re.compile(rf"because (\S+) expected shape {_SIZE}, but got {_SIZE}"),
    re.compile(rf"^(\S+)\s*\|\s*MISMATCH.*?vs model:{_SIZE}", re.MULTILINE),
)
_COLOURS = re.compile(r"\x1b\[[\d;]*m")


@contextmanager
def loading_errors(what: str) -> Iterator[None]:
    """Say in an error what was wrong while a block loaded weights, and refuse those that it left to chance.

    Args:
        what: what is loaded, such as 'model ./folder'.

    Raises:
        DeviceError: memory ran out, or the device broke.
        ModelError: a file is damaged, a package is missing, or weights do not fit or are missing.
    """
    try:
        with heard() as said:
            yield
    except SynthgenError:
        raise
    except Exception as error:  # each library raises what it pleases
        raise _told(what, error, said) from error
    if unset := unset_weights(said):
        part, names = unset
        raise ModelError(
            f"{what} cannot be loaded: its weights lack {first_of(names)} of {part}, which would be random",
            hint=_UNLIKE,
        )


def unset_weights(said: Sequence[str]) -> tuple[str, list[str]] | None:
    """Find in what the libraries said a part whose weights are not in its files, and their names."""
    for text in said:
        if found := _NEW.search(text):
            return found[1], re.findall(r"'([^']+)'", found[2])
        plain = _COLOURS.sub("", text)
        if (report := _REPORT.search(plain)) and (rows := _ROW.findall(plain)):
            return report[1], rows
    return None


def check_set(what: str, part: str, module: nn.Module) -> None:
    """Refuse a module with weights that its file did not have: they were left without values.

    Raises:
        ModelError: it has such weights.
    """
    left = [name for name, weight in module.named_parameters() if weight.is_meta]
    if left:
        raise ModelError(f"{what} cannot be loaded: its file lacks {first_of(left)} of {part}", hint=_UNLIKE)


def _told(what: str, error: BaseException, said: Sequence[str]) -> SynthgenError:
    chain = list(_causes(error))
    for one in chain:
        if found := device_error(one, f"loading {what}"):
            return found
    if package := next((one for one in chain if isinstance(one, ImportError)), None):
        return ModelError(f"{what} cannot be loaded: {_brief(package)}", hint=_INSTALL)
    if damage := next((one for one in chain if isinstance(one, SafetensorError)), None):
        return ModelError(f"{what} cannot be loaded: {_brief(damage)}; {_brief(error)}", hint=_AGAIN)
    if "meta tensor" in str(error):  # what a file leaves without values stays there
        return ModelError(f"{what} cannot be loaded: its file lacks weights that its settings describe", hint=_UNLIKE)
    text = next(filter(None, map(_shapes, (str(error), *said))), _brief(error))
    hint = next((hint for pattern, hint in _KINDS if pattern.search(str(error))), _OTHER)
    return ModelError(f"{what} cannot be loaded: {text}", hint=hint)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from: diffusers tells of any failure to read as of a missing file."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _shapes(text: str) -> str | None:
    """Say which weight has another shape than its settings ask for, where a text of a library does."""
    found = next((one for pattern in _SHAPES if (one := pattern.search(_COLOURS.sub("", text)))), None)
    return f"its weight {found[1]} has another shape than its settings ask for, {found[2]}" if found else None


def _brief(error: BaseException) -> str:
    return first_line(error)[:300]
