"""What made the rows: versions and the kind of machine."""

import platform
from importlib.metadata import version

from synthgen.version import __version__


def environment() -> dict[str, str]:
    """What made the rows: versions and the kind of machine, and nothing that names the host."""
    libraries = {f"library.{name}": version(name) for name in ("torch", "numpy", "pillow", "pyarrow")}
    return {
        "synthgen": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **libraries,
    }
