"""How a function becomes a command: it gets `--json`, `--quiet` and `--verbose`, and returns an `Answer`."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, ParamSpec

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.app import app
from synthgen.cli.option_names import OptionNames
from synthgen.cli.session import session
from synthgen.errors import Interrupted, StorageError, UsageError, cause_of

AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        envvar="SYNTHGEN_JSON",
        help="Print one JSON object on stdout, also on failure; its schema: synthgen schema --result.",
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", envvar="SYNTHGEN_QUIET", help="Print only results and errors.")]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", envvar="SYNTHGEN_VERBOSE", help="Print messages of libraries, too.")
]
P = ParamSpec("P")

_OUTPUT = {"as_json": AsJson, "quiet": Quiet, "verbose": Verbose}


def command(function: Callable[P, Answer]) -> Callable[P, Answer]:
    """Register a function as the command of its name."""
    name = function.__name__
    signature = inspect.signature(function)
    more = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
        for key, annotation in _OUTPUT.items()
    ]

    @functools.wraps(function)
    def called(*args: P.args, **given: P.kwargs) -> Answer:
        as_json, quiet, verbose = (bool(given.pop(key)) for key in _OUTPUT)
        names = names_of(name)
        names = replace(names, given=_options_given(names, signature, given))
        session.begin(name, names, as_json=as_json, quiet=quiet, verbose=verbose)
        if quiet and verbose:
            raise UsageError("use either --quiet or --verbose, not both")
        try:
            return function(*args, **given)
        except KeyboardInterrupt:
            raise Interrupted("interrupted", hint="Run the same command again.") from None
        except (BrokenPipeError, EOFError) as error:  # not stdout: `streams` keeps its errors
            raise StorageError(f"a connection broke: {cause_of(error)}", hint="Try again.") from error

    called.__signature__ = signature.replace(  # type: ignore[attr-defined] # what typer reads
        parameters=[*signature.parameters.values(), *more]
    )
    called.__annotations__ = function.__annotations__ | _OUTPUT
    app.command(name)(called)
    return function


def _options_given(names: OptionNames, signature: inspect.Signature, given: Mapping[str, object]) -> frozenset[str]:
    """List the options whose values are not those that they have by default."""
    defaults = {name: one.default for name, one in signature.parameters.items()}
    arguments = (name.removesuffix("_") for name, value in given.items() if value != defaults[name])
    return frozenset(option for one in arguments if (option := names.option(one)) is not None)


@functools.cache
def names_of(name: str) -> OptionNames:
    """Return how a command's help writes its arguments."""
    whole = typer.main.get_command(app)
    options: dict[str, str] = {}
    positionals: dict[str, str] = {}
    for parameter in getattr(whole, "commands", {})[name].params:
        argument = str(parameter.name).removesuffix("_")
        if parameter.param_type_name == "option":
            options[argument] = next(option for option in parameter.opts if option.startswith("--"))
        else:
            positionals[argument] = parameter.metavar or argument.upper()
    return OptionNames(options, positionals)
