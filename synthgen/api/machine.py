"""What this machine can do."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from synthgen import bundled


def doctor() -> Mapping[str, str]:
    """Describe this machine: its devices and versions, its free disk space, and the bundled models.

    Example:
        >>> synthgen.doctor()["bundled models"]
        'present'
    """
    from synthgen.models.machine import describe_machine

    free = shutil.disk_usage(Path()).free
    whole = bundled.GENERATOR.is_dir() and bundled.JUDGE.is_dir()
    return {
        **describe_machine(),
        "disk": f"{free / 2**30:.0f} GiB free here",
        "bundled models": "present" if whole else "missing: install synthgen again",
    }
