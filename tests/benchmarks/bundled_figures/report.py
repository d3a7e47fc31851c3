"""The tables and the sheet that the docs show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from synthgen.bundled.mixture import SKEW, is_rare
from synthgen.bundled.world import OCCUPATIONS, SKINS
from tests.benchmarks.bundled_figures.measure import (
    QUICKSTART_GUIDANCE,
    READ,
    Rate,
    expected_wrong,
    skins_called,
    skins_of,
    training_entropy,
)
from tests.benchmarks.page import table


def write_picture(images: Tensor, path: Path, columns: int) -> None:
    rows = [torch.cat(list(images[start : start + columns]), dim=2) for start in range(0, len(images), columns)]
    sheet = torch.cat(rows, dim=1).permute(1, 2, 0).numpy()
    picture = Image.fromarray(sheet)
    picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.LANCZOS).save(path)


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything measured; guidances are keys as text, as JSON wants them."""

    images_per_cell: int
    bare_per_occupation: int
    renders: int
    steps: int
    machine: Mapping[str, str]
    reader: Mapping[str, Rate]
    labelled: Mapping[str, Rate]
    judge: Mapping[str, Rate]
    wrong: Mapping[str, Mapping[str, Rate]]
    fidelity: Mapping[str, Mapping[str, Rate]]
    skins_of_all: Mapping[str, Mapping[str, Mapping[str, Rate]]]
    skins_of_right: Mapping[str, Mapping[str, Mapping[str, Rate]]]
    entropy: Mapping[str, float]
    points_from_captions: Mapping[str, tuple[float, str]]
    points_from_pictures: Mapping[str, tuple[float, str]]
    seconds: Mapping[str, float]


def in_short(figures: Figures) -> dict[str, object]:
    """What training.json tells of the figures; the rest is in docs/figures/bundled.json."""

    def shares(rates: Mapping[str, Rate]) -> dict[str, float]:
        return {name: round(rate.share, 4) for name, rate in rates.items()}

    def points(differences: Mapping[str, tuple[float, str]]) -> dict[str, float]:
        return {guidance: round(difference, 1) for guidance, (difference, _) in differences.items()}

    return {
        "reader_right_on_unseen_renders": shares(figures.reader),
        "reader_agrees_with_labels_of_generated_images": shares(figures.labelled),
        "judge_right_on_unseen_renders": shares(figures.judge),
        "wrong_occupation_by_guidance": {
            guidance: {group: round(of[group].share, 4) for group in ("common", "rare")}
            for guidance, of in figures.wrong.items()
        },
        "points_from_skew_of_captions_by_guidance": points(figures.points_from_captions),
        "points_from_skew_of_pictures_by_guidance": points(figures.points_from_pictures),
        "seconds_per_image_by_guidance": {name: round(value, 3) for name, value in figures.seconds.items()},
        "steps": figures.steps,
        "machine": dict(figures.machine),
    }


def markdown(figures: Figures) -> str:
    """The tables, for docs/bundled-models.md."""
    guidances = list(figures.wrong)
    lines = [
        "Measured by `python -m tests.benchmarks.bundled_figures`: "
        f"{figures.images_per_cell} images per occupation and skin tone, "
        f"{figures.bare_per_occupation} per occupation for bare prompts, at {figures.steps} steps; "
        f"{figures.renders} renders that no model was trained on. Intervals are Wilson's, at 95 %.",
        "",
        "![Forty-eight images of the bundled model, one row per occupation](figures/bundled.png)",
        "",
        f"One row per occupation, unfiltered, at guidance {QUICKSTART_GUIDANCE:g}. Wrong images are included.",
        "",
        "**The reader on unseen renders**: the share of correct answers.",
        "",
    ]
    lines += table(["reader", "right"], list(figures.reader.items()))
    lines += [
        "**The reader on generated pictures**: how often it agrees with labels given by eye to 120 of them, where the "
        "eye could tell (`tests/benchmarks/bundled_figures/` documents who labelled them, and how).",
        "",
    ]
    lines += table(["reader", "agrees"], list(figures.labelled.items()))
    lines += ["**The judge on unseen renders**, with the quickstart's classes and texts.", ""]
    lines += table(["judge", "right"], list(figures.judge.items()))
    lines += [
        "**Wrong occupation, full prompts.** Rare combinations of occupation and skin tone are those with at "
        "most 15 % in the training table. The first row is not measured: it is the share of wrong captions "
        "in the training set, which a perfect model would reproduce at guidance 1.",
        "",
    ]
    rows: list[Sequence[object]] = [("training set", *(f"{_expected(rare):.1%}" for rare in (False, True)), "")]
    for guidance in guidances:
        common, rare = figures.wrong[guidance]["common"], figures.wrong[guidance]["rare"]
        times = f"{rare.share / common.share:.1f}" if common.count else "–"
        rows.append((guidance, common, rare, times))
    lines += table(["guidance", "common", "rare", "rare / common"], rows)
    lines += ["By occupation and skin tone, at the quickstart's guidance and at 3:", ""]
    lines += table(
        ["requested", "share in training", "wrong captions", "guidance 1.5", "guidance 3"],
        [
            (
                f"{occupation}, {skin}",
                f"{SKEW[occupation].skins[SKINS.index(skin)]} %" + (" (rare)" if is_rare(occupation, skin) else ""),
                f"{_expected_of(occupation, skin):.1%}",
                figures.wrong["1.5"][f"{occupation}, {skin}"],
                figures.wrong["3"][f"{occupation}, {skin}"],
            )
            for occupation, skin in product(OCCUPATIONS, SKINS)
        ],
    )
    lines += [
        "**Fidelity against diversity.** The share of images of full prompts that show what was requested, and, "
        "for bare prompts, the entropy of skin tones in bits (the mean over occupations; "
        f"{training_entropy():.2f} in training).",
        "",
    ]
    lines += table(
        ["guidance", *(name.replace("_", " ") for name in READ), "entropy of skin tones"],
        [
            (
                guidance,
                *(f"{figures.fidelity[guidance][name].share:.1%}" for name in READ),
                f"{figures.entropy[guidance]:.2f}",
            )
            for guidance in guidances
        ],
    )
    lines += _bare_skins(figures)
    lines += ["**Time per image**, batches of 16:", ""]
    lines += table(
        ["guidance", "seconds per image"],
        [(guidance, f"{seconds:.3f}") for guidance, seconds in figures.seconds.items()],
    )
    lines.append("Machine: " + ", ".join(f"{name} {fact}" for name, fact in figures.machine.items()) + ".")
    return "\n".join(lines) + "\n"


def _bare_skins(figures: Figures) -> Iterator[str]:
    """What bare prompts make of the skew, against both training sets that one could mean."""
    shown = ("1", "3")
    yield (
        "**Skin tones of bare prompts**, in percent (light / medium / dark). First, all images, compared with the "
        "training pictures whose caption names the occupation: what the model learned for the word, including "
        "wrong captions."
    )
    yield ""
    yield from _skin_table(figures.skins_of_all, skins_called, shown)
    yield from _largest(figures.points_from_captions, shown)
    yield (
        "Second, only the images that show the occupation, compared with the training pictures that show it. This is "
        "harder: the model must separate the two groups of people behind one word, and it mixes them slightly."
    )
    yield ""
    yield from _skin_table(figures.skins_of_right, skins_of, shown)
    yield from _largest(figures.points_from_pictures, shown)


def _skin_table(
    shares: Mapping[str, Mapping[str, Mapping[str, Rate]]],
    training: Callable[[str], tuple[float, ...]],
    shown: Sequence[str],
) -> Iterator[str]:
    def measured(of: Mapping[str, Rate]) -> str:
        return " / ".join(f"{100 * of[skin].share:.0f}" for skin in SKINS) + f" (n = {of[SKINS[0]].of})"

    yield from table(
        ["occupation", "training", *(f"guidance {guidance}" for guidance in shown)],
        [
            (
                occupation,
                " / ".join(f"{share:.0f}" for share in training(occupation)),
                *(measured(shares[guidance][occupation]) for guidance in shown),
            )
            for occupation in OCCUPATIONS
        ],
    )


def _largest(differences: Mapping[str, tuple[float, str]], shown: Sequence[str]) -> Iterator[str]:
    for guidance in shown:
        points, where = differences[guidance]
        yield f"Largest difference from training at guidance {guidance}: {points:.1f} points ({where})."
    yield ""


def _expected(rare: bool) -> float:
    """The mean over the common or the rare combinations."""
    return float(
        np.mean(
            [
                _expected_of(occupation, skin)
                for occupation, skin in product(OCCUPATIONS, SKINS)
                if is_rare(occupation, skin) == rare
            ]
        )
    )


def _expected_of(occupation: str, skin: str) -> float:
    """Hair as the prompts have it: half short, half long."""
    return (expected_wrong(occupation, skin, "short") + expected_wrong(occupation, skin, "long")) / 2
