"""The names of judges that are asked questions, and of what is never a judge."""

import re

from synthgen.errors import UsageError

VQA, DETECTOR = "vqa:", "detector:"
ASKED_FORMS = f"or '{VQA}MODEL' or '{DETECTOR}MODEL', a hub id or a folder that starts with './', '~' or '/'"

_MODEL = re.compile(r"(vqa|detector):([\w.-]+/[\w.-]+|\.{0,2}/.+|~.+)")
_READER = re.compile(r"bundled:reader|.*\breader(\.safetensors)?/?", re.IGNORECASE)
_FORMS = ("bundled:", "local-dir:", VQA, DETECTOR)


def is_asked(name: str) -> bool:
    """Whether a name is that of a VQA model or a detector.

    Raises:
        UsageError: it begins like one, and names no model.
    """
    if not name.startswith((VQA, DETECTOR)):
        return False
    if _MODEL.fullmatch(name) is None:
        example = "vqa:Salesforce/blip-vqa-base" if name.startswith(VQA) else "detector:google/owlvit-base-patch32"
        what = f"{name}: expected a hub id or a folder after the colon, such as {example} or vqa:./folder"
        raise UsageError(what, argument="judges")
    return True


def refuse_reader(name: str) -> None:
    """Refuse the reader of the bundled world: it knows the truth about that world, so it proves nothing about judges.

    Raises:
        UsageError: `name` means it.
    """
    if name.startswith(_FORMS) and _READER.fullmatch(name) and "bundled" in name:
        hint = "It is made to check the bundled models against the bundled world. Name another model."
        raise UsageError(f"{name}: the bundled reader is never a judge", argument="judges", hint=hint)
