"""`synthgen evaluate`: parses options, calls `api`, prints."""

from dataclasses import replace
from typing import Annotated

import typer

from synthgen.cli.answer import Answer
from synthgen.cli.command import command
from synthgen.cli.evaluation_answer import answer_of_evaluation
from synthgen.cli.options import Cluster, Device, DrawSeed, EmbeddingsCache, ImagesFrom, LabelColumn
from synthgen.cli.session import session


@command
def evaluate(
    real: Annotated[
        str, typer.Option("--real", metavar="SET", help="Real images to train on: whatever `synthgen audit` opens.")
    ],
    synthetic: Annotated[str, typer.Option("--synthetic", metavar="SET", help="Synthetic images of the same classes.")],
    test: Annotated[
        str | None,
        typer.Option("--test", metavar="SET", help="Real images to test on. Default: 40 % of the real set, by source."),
    ] = None,
    more_real: Annotated[
        str | None,
        typer.Option(
            "--more-real", metavar="SET", help="Other real images, added in the same numbers, for comparison."
        ),
    ] = None,
    learner: Annotated[
        str,
        typer.Option(
            "--learner",
            metavar="NAME",
            help="probe: a linear classifier of embeddings. knn: their nearest neighbours. timm:NAME: a network of "
            "timm, from scratch; timm:NAME:pretrained: from its weights. Or a plug-in's name.",
        ),
    ] = "probe",
    image_size: Annotated[
        int | None,
        typer.Option(
            "--image-size",
            min=8,
            metavar="PIXELS",
            help="Side of the squares that a network or a plug-in sees. Default: by the real images, 32 to 128.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=20, metavar="N", help="Steps of a network's optimiser in each fit. Default: 200."),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option("--seeds", min=5, metavar="N", help="Repetitions, each with other splits and draws."),
    ] = 5,
    smallest_effect: Annotated[
        float,
        typer.Option(
            "--smallest-effect", min=0, max=1, metavar="SHARE", help="Smallest difference of accuracy that matters."
        ),
    ] = 0.01,
    gates: Annotated[
        list[str] | None,
        typer.Option(
            "--gate",
            metavar="GATE",
            help="A limit: 'accuracy: difference >= 0.01', or of 'balanced accuracy', 'worst class', "
            "'worst group' or 'filters'. Repeatable.",
        ),
    ] = None,
    judge: Annotated[
        str, typer.Option("--judge", metavar="MODEL", help="Model that makes the embeddings, as in a spec.")
    ] = "bundled:judge",
    label: LabelColumn = None,
    cluster: Cluster = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            metavar="COLUMN",
            help="Column of the test whose values are groups, each measured by itself. Repeatable.",
        ),
    ] = None,
    images_from: ImagesFrom = None,
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote", help="Fetch images that sets name by address, and a network's pretrained weights."
        ),
    ] = False,
    cache: EmbeddingsCache = None,
    save_learner: Annotated[
        str | None,
        typer.Option(
            "--save-learner",
            metavar="FILE",
            help="Save the probe that the verdict is on as FILE.safetensors, for `filters.learner` of a spec.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Folder of the report. Default: RUN/evaluation if the synthetic set is a run, or "
            "outputs/NAME-evaluation.",
        ),
    ] = None,
    suggest: Annotated[
        str | None,
        typer.Option(
            "--suggest",
            metavar="FILE",
            help="Write errors in validation to this .json, and shares that aim at them: a spec names it in 'counts' "
            "and 'balance'. Each --group is a column of the real set, too.",
        ),
    ] = None,
    device: Device = "auto",
    seed: DrawSeed = 0,
) -> Answer:
    """Measure whether synthetic images help a learner. The verdict is helps, harms or cannot tell.

    Exit code 4: a gate failed, or there is not enough data to decide it.
    """
    from synthgen.api.arguments import path_of
    from synthgen.api.evaluating import evaluate
    from synthgen.auditing.taken import place_sha256
    from synthgen.evaluating.command_line import with_output
    from synthgen.evaluating.places import check_evaluation_folder, default_folder
    from synthgen.files import expanded, named_by_itself

    with named_by_itself(synthetic):
        folder = default_folder(synthetic) if output is None else expanded(path_of(output, "output"))
        others = [place_sha256(each) for each in (real, test, more_real) if each is not None]
        check_evaluation_folder(folder, place_sha256(synthetic), others)
    with session.progress(str(folder), f"evaluating {synthetic}") as on_progress:
        found = evaluate(
            real,
            synthetic,
            test=test,
            more_real=more_real,
            learner=learner,
            image_size=image_size,
            steps=steps,
            seeds=seeds,
            smallest_effect=smallest_effect,
            gates=gates or (),
            judge=judge,
            label=label,
            cluster=cluster or (),
            group=group or (),
            images_from=images_from,
            allow_remote=allow_remote,
            cache=cache,
            save_learner=save_learner,
            device=device,
            seed=seed,
            suggest=suggest,
            on_progress=on_progress,
        )
    if output is not None:
        found = replace(
            found, provenance=replace(found.provenance, command=with_output(found.provenance.command, output))
        )
    return answer_of_evaluation(found, *found.write(folder), saved=save_learner, suggested=suggest)
