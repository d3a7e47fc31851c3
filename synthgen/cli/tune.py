"""`synthgen tune`: parses options, calls `api`, prints."""

from pathlib import Path
from typing import Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.command import command
from synthgen.cli.options import (
    AllowRemote,
    Device,
    DrawSeed,
    EmbeddingsCache,
    ImagesFrom,
    LabelColumn,
    complete_spec,
)
from synthgen.cli.session import session
from synthgen.cli.stopping import stop_on_signals
from synthgen.cli.tuning_answer import answer_of_tuning


@command
def tune(
    real: Annotated[str, typer.Option("--real", metavar="SET", help="5 to 500 real images: what `audit` opens.")],
    model: Annotated[
        str, typer.Option("--model", metavar="MODEL", help="The model, as in a spec: a folder, a hub id, or bundled.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder of the adapter.")],
    template: Annotated[
        str | None,
        typer.Option("--template", metavar="TEXT", help="Of prompts. Default: 'a photo of a {class}', or the spec's."),
    ] = None,
    spec: Annotated[
        str | None,
        typer.Option(
            "--spec",
            metavar="SPEC",
            autocompletion=complete_spec,
            help="Take the prompts from its templates that show nothing but the class.",
        ),
    ] = None,
    license_: Annotated[
        str | None,
        typer.Option("--license", metavar="TEXT", help="Note on the images' licence, for plans and cards."),
    ] = None,
    rank: Annotated[int, typer.Option("--rank", min=1, max=512, metavar="N", help="Rank of the LoRA.")] = 16,
    layers: Annotated[
        str | None,
        typer.Option("--layers", metavar="LAYERS", help="attention, default of transformers; or all, that of UNets."),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, metavar="N", help="Steps of the training.")] = 500,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, metavar="N", help="Images in each step.")] = 8,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate", metavar="RATE", help="Default: 1e-4; of the bundled model 1e-3, of words 5e-3."
        ),
    ] = None,
    prior: Annotated[
        int,
        typer.Option("--prior", min=0, metavar="N", help="Images drawn by the untuned model, to forget less."),
    ] = 0,
    prior_weight: Annotated[
        float, typer.Option("--prior-weight", min=0, metavar="WEIGHT", help="Weight of the loss of these images.")
    ] = 1.0,
    word: Annotated[
        str | None,
        typer.Option("--word", metavar="CLASS=WORD", help="Learn a word for a class, and leave the model as it is."),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option("--size", min=8, metavar="PIXELS", help="Size of the square images. Default: the model's own."),
    ] = None,
    validation_share: Annotated[
        float,
        typer.Option("--validation-share", min=0, max=1, metavar="SHARE", help="Images held out, to keep the best."),
    ] = 0.2,
    precision: Annotated[
        str,
        typer.Option("--precision", metavar="FORMAT", help="auto, float32, bfloat16 or float16 of the frozen weights."),
    ] = "auto",
    gradient_checkpointing: Annotated[
        bool, typer.Option("--gradient-checkpointing", help="Need less memory, and more time.")
    ] = False,
    check: Annotated[
        int,
        typer.Option("--check", min=0, metavar="N", help="Images drawn, and compared with the training images."),
    ] = 64,
    max_memorised: Annotated[
        float | None,
        typer.Option(
            "--max-memorised", min=0, max=1, metavar="SHARE", help="Fail if more are too near to a training image."
        ),
    ] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", metavar="MODEL", help="Model that compares, as in a spec.")
    ] = None,
    label: LabelColumn = None,
    images_from: ImagesFrom = None,
    allow_remote: AllowRemote = False,
    cache: EmbeddingsCache = None,
    device: Device = "auto",
    seed: DrawSeed = 0,
) -> Answer:
    """Adapt a model to few real images, by a LoRA or a word.

    A spec's model.adapters names the folder.

    Run the same command again after an interruption to go on. Exit code 4: more images than --max-memorised are nearer
    to a training image than training images are to each other.
    """
    from synthgen.api.tuning import tune

    stop = stop_on_signals()
    with session.progress(str(output), f"tuning {model}") as on_progress:
        made = tune(
            real,
            model,
            output,
            template=template,
            spec=spec,
            license=license_,
            rank=rank,
            layers=layers,
            steps=steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            prior=prior,
            prior_weight=prior_weight,
            word=word,
            size=size,
            validation_share=validation_share,
            precision=precision,
            gradient_checkpointing=gradient_checkpointing,
            check=check,
            max_memorised=max_memorised,
            judge=judge,
            label=label,
            images_from=images_from,
            allow_remote=allow_remote,
            cache=cache,
            device=device,
            seed=seed,
            on_progress=on_progress,
            stop=stop.is_set,
        )
    return answer_of_tuning(made)
