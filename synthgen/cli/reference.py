"""The commands that describe formats and this machine."""

from typing import Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.command import command
from synthgen.cli.envelope import result_schema
from synthgen.cli.session import session
from synthgen.cli.streams import print_json
from synthgen.errors import UsageError


@command
def schema(
    audit: Annotated[
        bool, typer.Option("--audit", help="Print the schema of audit.json instead, which is also the result of audit.")
    ] = False,
    evaluation: Annotated[
        bool, typer.Option("--evaluation", help="Print the schema of evaluation.json, the result of evaluate, instead.")
    ] = False,
    errors: Annotated[
        bool, typer.Option("--errors", help="Print the schema of the file of evaluate --suggest instead.")
    ] = False,
    tune: Annotated[
        bool, typer.Option("--tune", help="Print the schema of tune.json, the result of tune, instead.")
    ] = False,
    result: Annotated[
        bool, typer.Option("--result", help="Print the schema of every command's --json output instead.")
    ] = False,
) -> Answer:
    """Print the JSON Schema of specs, for editors and pipelines."""
    if audit + evaluation + errors + tune + result > 1:
        raise UsageError("use only one of `audit`, `evaluation`, `errors`, `tune` and `result`")
    if evaluation:
        from synthgen.evaluating.document import evaluation_schema

        found = evaluation_schema()
    elif errors:
        from synthgen.spec.errors_file import errors_schema

        found = errors_schema()
    elif tune:
        from synthgen.tuning.schema import tune_schema

        found = tune_schema()
    elif result:
        found = result_schema()
    elif audit:
        from synthgen.auditing.report import audit_schema

        found = audit_schema()
    else:
        from synthgen.spec import json_schema

        found = json_schema()
    if not session.as_json:
        print_json(found)
    return Answer(result=found, lines=(), is_printing=True)


@command
def doctor() -> Answer:
    """Show what this machine can do."""
    from synthgen.api.machine import doctor

    facts = doctor()
    return Answer(result=dict(facts), lines=[f"{name:<16} {fact}" for name, fact in facts.items()], is_printing=True)
