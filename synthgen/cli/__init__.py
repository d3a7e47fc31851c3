"""The command line: parses options, calls `api`, prints, and turns errors into exit codes.

What a command found goes to stdout; progress, notes and errors go to stderr.
"""

# In the order in which `synthgen --help` lists their commands.
# isort: off
from synthgen.cli import (
    starting,
    rendering,
    making,
    expanding,
    looking,
    calibrate,
    keeping,
    attempts,
    reviewing,
    listing,
    exporting,
    publishing,
    audit,
    evaluate,
    tune,
    reference,
)

# isort: on
from synthgen.cli.app import app
from synthgen.cli.program import main

__all__ = [
    "app",
    "attempts",
    "audit",
    "calibrate",
    "evaluate",
    "expanding",
    "exporting",
    "keeping",
    "listing",
    "looking",
    "main",
    "making",
    "publishing",
    "reference",
    "rendering",
    "reviewing",
    "starting",
    "tune",
]
