"""Numbers as people read and write them."""

import re
from datetime import timedelta


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun: `1 shard`, `2 shards`, `3 classes`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """Write a time in the unit that suits it: `90 s`, `5 min`, `2.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def seconds(text: str) -> float:
    """Read a time: seconds such as `90`, or `3h50m`, `45m`, `1h30s`.

    Raises:
        ValueError: it is neither, or 0.
    """
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?|(\d+(?:\.\d+)?)", text.strip())
    hours, minutes, full, bare = match.groups() if match and text.strip() else (None,) * 4
    found = float(bare or 0) + 3600 * int(hours or 0) + 60 * int(minutes or 0) + int(full or 0)
    if not 0 < found < 1e9:
        raise ValueError(f"expected a time such as 3h50m, 45m or 90s, found {text!r}")
    return found


def size(count: float) -> str:
    """Write a number of bytes in the unit that suits it: `12 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def age(since: timedelta) -> str:
    """Write how long ago something was, in the unit that suits it: `5 min`, `3 h`, `12 days`."""
    seconds = max(since.total_seconds(), 0.0)
    if seconds < 48 * 3600:
        return duration(seconds) if seconds < 7200 else f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days"
