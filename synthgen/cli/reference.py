"""The commands that describe formats and this machine."""

from typing import Annotated

import typer

from synthgen.cli.app import app
from synthgen.cli.show import print_json
from synthgen.cli.streams import printing_is_the_result


@app.command()
def schema(audit: Annotated[bool, typer.Option("--audit", help="of audit.json, in place of specs")] = False) -> None:
    """Print the JSON Schema of specs, for editors and pipelines."""
    if audit:
        from synthgen.auditing.report import audit_schema as found
    else:
        from synthgen.spec import json_schema as found

    print_json(**found())


@app.command()
def doctor() -> None:
    """Show what this machine can do."""
    from synthgen.api.machine import doctor

    printing_is_the_result()
    for name, fact in doctor().items():
        print(f"{name:<16} {fact}")
