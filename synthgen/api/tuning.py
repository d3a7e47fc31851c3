"""`synthgen.tune`: a generator is adapted to few real images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from synthgen.api.arguments import (
    PathInput,
    choice_of,
    device_of,
    flag_of,
    number_of,
    one_spelling,
    path_of,
    seconds_of,
    share_of,
    text_of,
)
from synthgen.api.tuned import Tuned
from synthgen.errors import UsageError
from synthgen.events import OnProgress, ignore
from synthgen.files import expanded

if TYPE_CHECKING:
    from synthgen.api.specs import SpecInput
    from synthgen.api.tuning_arguments import TuneArguments
    from synthgen.auditing.input.arguments import AnyPath
    from synthgen.sets import SetSource

STEPS, BATCH, RANK, CHECKED = 500, 8, 16, 64
_MOST_RANK, _MOST_PRIOR = 512, 2_000


@one_spelling
def tune(
    real: SetSource,
    model: str,
    output: PathInput,
    *,
    template: str | None = None,
    spec: SpecInput | None = None,
    license: str | None = None,
    rank: int = RANK,
    layers: str | None = None,
    steps: int = STEPS,
    batch_size: int = BATCH,
    learning_rate: float | None = None,
    prior: int = 0,
    prior_weight: float = 1.0,
    word: str | None = None,
    size: int | None = None,
    validation_share: float = 0.2,
    precision: str = "auto",
    gradient_checkpointing: bool = False,
    check: int = CHECKED,
    max_memorised: float | None = None,
    judge: str | None = None,
    label: str | None = None,
    images_from: AnyPath | None = None,
    allow_remote: bool = False,
    cache: AnyPath | None = None,
    device: str = "auto",
    seed: int = 0,
    on_progress: OnProgress = ignore,
    stop: Callable[[], bool] = lambda: False,
) -> Tuned:
    """Adapt a model to 5 to 500 real images: train a LoRA, or a word, which `model.adapters` of a spec names.

    The weights are kept that have the lowest loss on held-out images. Called again with the same arguments after an
    interruption, it goes on where it was, and comes to the same result; a tuning that is done is not repeated.

    Args:
        real: whatever `audit` opens. Each image has a class; a single class is enough.
        model: as in a spec: 'bundled:workers', a diffusers folder, or an id on the hub. Stable Diffusion 1, 2, XL and
            3, FLUX.2 Klein Base, Z-Image and Qwen-Image can be tuned.
        output: a new folder for the adapter, tune.json and samples; or that of the same tuning, interrupted.
        template: of the prompts; by default those of `spec`, or else 'a photo of a {class}'.
        spec: takes its templates that show nothing but the class.
        license: a note on the licence of the real images, which travels with the adapter into plans and cards.
        rank: of the LoRA.
        layers: which of the denoiser it changes: 'attention' alone, the default of transformers; or 'all', the default
            of UNets: their convolutions too, and the feed-forward layers of transformers.
        learning_rate: by default 1e-4; of the bundled model, which is small, 1e-3; of a word 5e-3.
        prior: how many images the model draws of the same prompts before it is tuned. It learns them again beside the
            real ones, which keeps it nearer to what it was.
        prior_weight: of their loss.
        word: 'axolotl=<axolotl>' learns the embedding of the word '<axolotl>' for the class axolotl, instead of a LoRA,
            and leaves the rest of the model as it is (textual inversion). Only images of this class are learnt from.
        size: width and height of the images, by default the model's own. Their middle is cut out.
        validation_share: the share of images that are held out; 0 for none: then the last weights are kept.
        precision: 'auto', 'float32', 'bfloat16' or 'float16' of the frozen weights. The LoRA has single precision.
        gradient_checkpointing: need less memory, and more time.
        check: how many images are drawn afterwards and compared with the training images; 0 for none.
        max_memorised: the largest share of them that may be nearer to a training image than training images are to each
            other. What exceeds it is said by `Tuned.failure`.
        judge: the model whose embeddings are compared, as in a spec.
        label: the column of classes; detected by default.
        images_from: a folder, besides the set's own, that may hold images which the set names by path.
        allow_remote: fetch images that the set names by address.
        cache: the folder of embeddings and hashes; by default in your cache folder.
        stop: asked after each step.

    Raises:
        UsageError: an argument is invalid, or the set cannot be used.
        ModelError: there is no such model, or it cannot be tuned.
        DeviceError, StorageError: a device or a disk fails.
        Interrupted: `stop` said so.

    Example:
        >>> real = synthgen.render("outputs/tune-these", 10, even=True)
        >>> tuned = synthgen.tune("outputs/tune-these", "bundled:workers", "outputs/tuned", steps=2, check=0)
        >>> sorted(path.name for path in tuned.folder.iterdir())
        ['README.md', 'pytorch_lora_weights.safetensors', 'samples', 'tune.json']
    """
    from synthgen.api.tuning_arguments import TuneArguments
    from synthgen.api.tuning_setup import tune_model
    from synthgen.auditing.input import arguments
    from synthgen.tuning.settings import LAYERS, PRECISIONS
    from synthgen.tuning.words import word_of

    if layers is not None:
        choice_of(layers, "layers", list(LAYERS))
    choice_of(precision, "precision", PRECISIONS)
    expected = "a text"
    asked = TuneArguments(
        real=arguments.set_source("real", real),
        model=text_of(model, "model", "the id of a model"),
        folder=expanded(path_of(output, "output")),
        template=None if template is None else text_of(template, "template", expected),
        spec=spec,
        licence=None if license is None else text_of(license, "license", expected),
        rank=_at_most(number_of(rank, "rank"), "rank", _MOST_RANK),
        layers=layers,
        steps=number_of(steps, "steps"),
        batch_size=number_of(batch_size, "batch_size"),
        learning_rate=None if learning_rate is None else _number(learning_rate, "learning_rate", "1e-4", 1),
        prior=_at_most(number_of(prior, "prior", 0), "prior", _MOST_PRIOR),
        prior_weight=_number(prior_weight, "prior_weight", "1", 100),
        word=None if word is None else word_of(text_of(word, "word", expected)),
        size=None if size is None else number_of(size, "size", 8),
        validation_share=0.0 if validation_share == 0 else share_of(validation_share, "validation_share"),
        precision=precision,
        gradient_checkpointing=flag_of(gradient_checkpointing, "gradient_checkpointing"),
        check=number_of(check, "check", 0),
        judge=None if judge is None else text_of(judge, "judge", "the name of a model"),
        label=arguments.optional_text("label", label),
        images_from=arguments.path("images_from", images_from),
        allow_remote=arguments.flag("allow_remote", allow_remote),
        cache=arguments.path("cache", cache),
        device=device_of(device),
        seed=arguments.count("seed", seed),
    )
    _check_together(asked)
    most = None if max_memorised is None else 0.0 if max_memorised == 0 else share_of(max_memorised, "max_memorised")
    if most is not None and asked.check == 0:
        raise UsageError("with `check=0` nothing is compared", argument="max_memorised", hint="Leave one of them out.")
    return Tuned(asked.folder, tune_model(asked, on_progress, stop), most)


def _check_together(asked: TuneArguments) -> None:
    if not asked.prior and asked.prior_weight != 1:
        what = "with `prior=0` the model draws no images that it could weigh"
        raise UsageError(what, argument="prior_weight", hint="Give `prior`, such as `prior=100`.")
    if asked.word is None:
        return
    for argument, is_given in (
        ("prior", asked.prior > 0),
        ("rank", asked.rank != RANK),
        ("layers", asked.layers is not None),
    ):
        if is_given:
            what = "only a LoRA has it, and with `word` a word is learnt instead"
            raise UsageError(what, argument=argument, hint="Leave one of them out.")


def _at_most(number: int, argument: str, most: int) -> int:
    if number > most:
        raise UsageError(f"expected at most {most}, found {number}", argument=argument)
    return number


def _number(value: object, argument: str, usual: str, most: float) -> float:
    try:
        number = seconds_of(value, argument)
    except UsageError as error:
        raise UsageError(f"expected a number above 0, such as {usual}", argument=argument) from error
    if number > most:
        raise UsageError(f"expected at most {most:g}, found {number:g}", argument=argument, hint=f"{usual} is usual.")
    return number
