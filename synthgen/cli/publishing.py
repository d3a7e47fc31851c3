"""The commands that give a dataset to others."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.cells import shown
from synthgen.cli.command import command
from synthgen.cli.options import ImagesFrom, complete_run, location_of
from synthgen.cli.session import session
from synthgen.cli.stopping import stop_on_signals
from synthgen.cli.units import counted, size

if TYPE_CHECKING:
    from synthgen.api.joining import Joined
    from synthgen.api.pushing import Pushed

_LISTED = 40
"""Files that people see listed; `--json` has all."""


@command
def join(
    real: Annotated[
        str,
        typer.Argument(metavar="REAL", parser=location_of, help="Real images: any set that `synthgen audit` opens."),
    ],
    synthetic: Annotated[
        str,
        typer.Argument(
            metavar="SYNTHETIC",
            parser=location_of,
            autocompletion=complete_run,
            help="Synthetic images: a run, its dataset, or any such set.",
        ),
    ],
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="A new folder, or a dataset, which is replaced.")
    ],
    label: Annotated[
        str | None, typer.Option("--label", metavar="COLUMN", help="Classes in REAL. Default: the likeliest column.")
    ] = None,
    synthetic_label: Annotated[
        str | None, typer.Option("--synthetic-label", metavar="COLUMN", help="The same in SYNTHETIC.")
    ] = None,
    unshared_classes: Annotated[
        bool, typer.Option("--unshared-classes", help="Keep classes that only one of the sets has.")
    ] = False,
    keep_splits: Annotated[
        bool,
        typer.Option("--keep-splits", help="Leave synthetic images in their splits. Default: all are for training."),
    ] = False,
    leave_out: Annotated[
        list[str] | None, typer.Option("--leave-out", metavar="COLUMN", help="Leave a column out. Repeatable.")
    ] = None,
    images_from: ImagesFrom = None,
) -> Answer:
    """Join real images and synthetic ones as one dataset.

    A column `synthetic` says which images are. Classes are matched by name, and the numbers of the real set's stay. Its
    splits stay as they are: synthetic images are for training only. Pictures are kept byte for byte.
    """
    from synthgen.api.joining import join

    stop = stop_on_signals("now, and what was there before stays")
    with session.progress(str(folder), f"joining {folder}") as on_progress:
        joined = join(
            real,
            synthetic,
            folder,
            label=label,
            synthetic_label=synthetic_label,
            unshared_classes=unshared_classes,
            keep_splits=keep_splits,
            leave_out=leave_out or (),
            images_from=images_from,
            on_progress=on_progress,
            stop=stop.is_set,
        )
    for _, text in _doubts(joined):
        session.warn(text)
    result = {
        "folder": str(joined.folder),
        "images": joined.summary.rows,
        "rebuilt": joined.rebuilt,
        "classes": list(joined.summary.classes),
        "real": joined.real,
        "synthetic": joined.synthetic,
        "leaks": [asdict(leak) for leak in joined.leaks],
        "copies": joined.copies,
        "conflicts": [asdict(conflict) for conflict in joined.conflicts],
        "repeats": {name: asdict(found) for name, found in joined.repeats.items()},
        "left_out": joined.left_out,
    }
    return Answer(result=result, lines=[*_joined_lines(joined)])


def _doubts(joined: "Joined") -> Iterator[tuple[str, str]]:
    """Say what makes a joined set doubtful, each under a heading: what leaks, contradicts or is there several times."""
    if joined.leaks:
        first = joined.leaks[0]
        yield (
            "leaks",
            f"what is in another split leaks: {first.synthetic} {first.how} {first.real}{_more(joined.leaks)}",
        )
    if joined.conflicts:
        one = joined.conflicts[0]
        both = f"{one.first} is {shown(one.first_class)!r}, and {one.second} is {shown(one.second_class)!r}"
        yield "conflicts", f"a picture has several classes, byte for byte: {both}{_more(joined.conflicts)}"
    if joined.copies:
        copies = "1 synthetic image is" if joined.copies == 1 else f"{joined.copies:,} synthetic images are"
        already = "in the real set already, byte for byte, in the same split"
        yield "copies", f"{copies} {already}: was this set joined before?"
    for name, found in joined.repeats.items():
        if found.images:
            images = f"1 {name} image is" if found.images == 1 else f"{found.images:,} {name} images are"
            elsewhere = f"; {found.other_split:,} of them in another split" if found.other_split else ""
            yield "repeats", f"{images}, byte for byte, an earlier image of the same set{elsewhere}"


def _more(found: Sequence[object]) -> str:
    return f", and {len(found) - 1:,} more like it" if len(found) > 1 else ""


def _joined_lines(joined: "Joined") -> Iterator[str]:
    done = "joined   " if joined.rebuilt else "unchanged"
    classes = counted(len(joined.summary.classes), "class", "classes")
    yield f"{done} {counted(joined.summary.rows, 'image')} in {classes}"
    for split in joined.summary.splits:
        real, synthetic = (sum(origin[split.name].values()) for origin in (joined.real, joined.synthetic))
        yield f"{shown(split.name):<9} {real:,} real + {synthetic:,} synthetic"
    for heading, text in _doubts(joined):
        yield f"{heading:<9} {text}"
    yield f"dataset   {joined.folder}"
    for name, why in joined.left_out.items():
        yield f"left out  '{shown(name)}' of {why}"
    yield f'load it   datasets.load_dataset("{joined.folder}")'


@command
def push(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            parser=location_of,
            autocompletion=complete_run,
            help="A run, its dataset's folder, or a folder that export or join wrote.",
        ),
    ],
    repository: Annotated[
        str, typer.Argument(metavar="REPO", help="owner/name on the Hub, or a name of your own. Created if missing.")
    ],
    private: Annotated[bool, typer.Option("--private", help="Create it so that only its owners see it.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the dataset and list what would be sent; send nothing.")
    ] = False,
    revision: Annotated[
        str | None, typer.Option("--revision", metavar="BRANCH", help="A branch other than main. Created if missing.")
    ] = None,
    message: Annotated[str | None, typer.Option("-m", "--message", metavar="TEXT", help="Of the commit.")] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Delete what else the repository has, in the same commit."),
    ] = False,
) -> Answer:
    """Publish a dataset on the Hugging Face Hub.

    Every file is checked first, and only those that synthgen.json names are sent, in one commit. The token is that of
    HF_TOKEN or of `hf auth login`. The same dataset again changes nothing; after a failure, run it again.
    """
    from synthgen.api.pushing import push

    stop = stop_on_signals("once the Hub has answered, and no commit is left half-made")
    with session.progress(dataset, f"pushing {dataset}") as on_progress:
        pushed = push(
            dataset,
            repository,
            private=private,
            revision=revision,
            message=message,
            replace=replace,
            dry_run=dry_run,
            on_progress=on_progress,
            stop=stop.is_set,
        )
    return Answer(result=asdict(pushed) | {"size": pushed.size}, lines=[*_lines(pushed)])


def _lines(pushed: "Pushed") -> Iterator[str]:
    if pushed.dry_run:
        for file in pushed.files[:_LISTED]:
            yield f"{size(file.size):>8}  {file.name}" + (f"  ({file.state})" if file.state else "")
        if len(pushed.files) > _LISTED:
            yield f"          and {counted(len(pushed.files) - _LISTED, 'more file', 'more files')}"
    yield from (f"{'deleted':<9} {name}" for name in pushed.deleted[:_LISTED])
    if pushed.left:
        yield f"stays     {counted(len(pushed.left), 'file')} that no dataset names, such as {pushed.left[0]}"

    what = f"{counted(len(pushed.files), 'file')}, {size(pushed.size)}"
    where = pushed.repository if pushed.branch == "main" else f"{pushed.repository} at {pushed.branch}"
    changes = [file for file in pushed.files if file.state != "same"]
    if pushed.dry_run and pushed.url is None:
        yield f"would go  {what}, to {where}"
        yield f"unknown   what is there: {pushed.unseen}"
    elif pushed.dry_run:
        new = f"{counted(len(changes), 'file')} of {what}" if changes else f"nothing: it has all {what}"
        yield f"would go  {new}, to {where}" + (", a new repository" if pushed.private is None else "")
    elif not pushed.commits:
        yield f"pushed    nothing to do: {where} is this dataset already"
    else:
        commits = "" if pushed.commits == 1 else f", in {pushed.commits} commits"
        yield f"pushed    {counted(len(changes), 'file')} of {what}{commits}"
    if pushed.url is not None and not pushed.dry_run:
        yield f"at        {pushed.url}" + (", which only its owners see" if pushed.private else "")
        yield f"commit    {pushed.commit}" + (f" of {pushed.branch}" if pushed.branch != "main" else "")
        at = f', revision="{pushed.branch}"' if pushed.branch != "main" else ""
        yield f'load it   datasets.load_dataset("{pushed.repository}"{at})'
