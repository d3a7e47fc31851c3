"""What is asked of the bundled models, and what the ground-truth reader and the judge make of the answers."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import product
from statistics import median

import numpy as np
import torch
from scipy.stats import binomtest, entropy
from torch import Tensor

from synthgen import bundled
from synthgen.bundled.captions import SPOILED
from synthgen.bundled.mixture import CONFUSED_WITH, SKEW, WRONG_ATTRIBUTE, WRONG_OCCUPATION, is_rare
from synthgen.bundled.reader import ATTRIBUTES, Reader
from synthgen.bundled.train.pictures import TrainingPictures, spoiled
from synthgen.bundled.world import BACKGROUNDS, HAIR_COLORS, HAIR_LENGTHS, OCCUPATIONS, SKINS
from synthgen.generating.renderer import Renderer
from synthgen.judging.clip import Clip
from synthgen.judging.zero_shot import attribute_choice, class_choice
from synthgen.models import locate
from synthgen.records import Candidate
from synthgen.spec import BUNDLED_MODEL, ModelSpec, Spec

GUIDANCES = (1.0, 1.5, 2.0, 3.0, 5.0)
QUICKSTART_GUIDANCE = 1.5
UNSEEN = 90_001
"""Seed of the renders that measure; those that taught have the seeds 1 and 2."""
BATCH, WINDOW = 16, 32
READ = ("occupation", "skin", "hair_length", "hair_color", "background")
"""What a full prompt says."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A prompt, what it asks for by attribute, and the image's seed."""

    prompt: str
    asked: Mapping[str, str]
    seed: int


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95 % Wilson interval."""

    count: int
    of: int
    share: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.share:.1%} ({self.low:.1%}–{self.high:.1%})" if self.of else "none"


def rate(count: int, of: int) -> Rate:
    if not of:
        return Rate(0, 0, float("nan"), 0.0, 1.0)
    interval = binomtest(count, of).proportion_ci(confidence_level=0.95, method="wilson")
    return Rate(count, of, count / of, float(interval.low), float(interval.high))


def expected_wrong(occupation: str, skin: str, hair_length: str) -> float:
    """Share of wrong occupations behind this caption in the training set: what a perfect model would draw.

    Bayes' rule over the two occupations that the caption may stand for.
    """

    def said(who: str) -> float:
        shares = (
            SKEW[who].skins[SKINS.index(skin)] / 100,
            SKEW[who].hair_lengths[HAIR_LENGTHS.index(hair_length)] / 100,
        )
        both = 1.0
        for share in shares:
            both *= (1 - WRONG_ATTRIBUTE) * share + WRONG_ATTRIBUTE / 3
        return both

    right = (1 - WRONG_OCCUPATION) * said(occupation)
    wrong = WRONG_OCCUPATION * said(CONFUSED_WITH[occupation])
    return wrong / (right + wrong)


# What is asked for


def full_wishes(each: int) -> list[Wish]:
    """`each` prompts for every occupation and skin tone; hair and background go round."""
    hairs = list(product(("short", "long"), HAIR_COLORS))
    wishes: list[Wish] = []
    for occupation, skin in product(OCCUPATIONS, SKINS):
        for number in range(each):
            length, color = hairs[number % len(hairs)]
            background = BACKGROUNDS[number % len(BACKGROUNDS)]
            prompt = f"a portrait of a {occupation} with {skin} skin and {length} {color} hair"
            asked = dict(zip(READ, (occupation, skin, length, color, background), strict=True))
            wishes.append(Wish(f"{prompt} on a {background} background", asked, _seed("full", len(wishes))))
    return wishes


def bare_wishes(each: int) -> list[Wish]:
    wordings = ("a {}", "a portrait of a {}")
    return [
        Wish(wordings[number % 2].format(occupation), {"occupation": occupation}, _seed(occupation, number))
        for occupation in OCCUPATIONS
        for number in range(each)
    ]


def sheet_wishes(columns: int) -> list[Wish]:
    """One row per occupation, skin tones and hair going round."""
    hairs = list(product(("short", "long"), HAIR_COLORS))
    wishes: list[Wish] = []
    for row, occupation in enumerate(OCCUPATIONS):
        for column in range(columns):
            skin, background = SKINS[(row + column) % 3], BACKGROUNDS[(2 * row + column) % 5]
            hair = " ".join(hairs[(3 * row + 5 * column) % len(hairs)])
            prompt = f"a portrait of a {occupation} with {skin} skin and {hair} hair on a {background} background"
            wishes.append(Wish(prompt, {"occupation": occupation}, _seed("sheet", len(wishes))))
    return wishes


def _seed(purpose: str, number: int) -> int:
    """The same at every guidance: the rows of a table differ in nothing else."""
    return int.from_bytes(blake2b(f"figures/{purpose}/{number}".encode(), digest_size=8).digest(), "big") >> 1


# Generation


def generator(guidance: float, steps: int, device: str) -> Renderer:
    model = ModelSpec(id=BUNDLED_MODEL, guidance=guidance, steps=steps, batch_size=BATCH)
    made = Renderer(model, locate(BUNDLED_MODEL, folder=bundled.GENERATOR), device, WINDOW)
    made.setup()
    return made


def rendered(made: Renderer, wishes: Sequence[Wish]) -> Tensor:
    """uint8 [n, 3, 64, 64]."""
    images: list[Tensor] = []
    for start in range(0, len(wishes), BATCH):
        batch = made.render([_candidate(wish) for wish in wishes[start : start + BATCH]])
        for one in batch:
            assert one.image is not None, one.failure
            images.append(one.image.cpu())
        print(f"\r{min(start + BATCH, len(wishes))}/{len(wishes)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return torch.stack(images)


def _candidate(wish: Wish) -> Candidate:
    occupation = wish.asked["occupation"]
    label = OCCUPATIONS.index(occupation)
    return Candidate("00000-000000", 0, 0, occupation, occupation, label, wish.prompt, (), wish.prompt, "", wish.seed)


def read_all(reader: Reader, images: Tensor) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for part in images.split(256):
        reading = reader.read(part)
        columns = {name: reading.values(name) for name in ATTRIBUTES}
        rows += [{name: columns[name][index] for name in columns} for index in range(len(part))]
    return rows


def seconds_per_image(made: Renderer, batches: int) -> float:
    """Median over batches of 16, after one that does not count."""
    wishes = full_wishes(1)[:BATCH]
    times = []
    for _ in range(batches + 1):
        began = time.perf_counter()
        made.render([_candidate(wish) for wish in wishes])
        times.append((time.perf_counter() - began) / BATCH)
    return median(times[1:])


# Measures on renders


def reader_figures(reader: Reader, pictures: TrainingPictures) -> dict[str, Rate]:
    rows = read_all(reader, pictures.images)
    figures = {}
    for column, (name, values) in enumerate(ATTRIBUTES.items()):
        known = [
            (row[name], values[fact])
            for row, fact in zip(rows, pictures.facts[:, 1 + column].tolist(), strict=True)
            if fact >= 0  # the hair colour of a bald head
        ]
        figures[name] = rate(sum(read == true for read, true in known), len(known))
    return figures


def judge_figures(clip: Clip, spec: Spec, pictures: TrainingPictures) -> dict[str, Rate]:
    """With the quickstart's own classes and texts: as the filter sees it."""
    embedded = torch.cat([clip.embed_images(part) for part in pictures.images.split(256)])
    people, count = pictures.people, len(pictures)

    def right(posteriors: Tensor, names: Sequence[str], true: Sequence[str]) -> Rate:
        found = [names[index] for index in posteriors.argmax(1).tolist()]
        return rate(sum(a == b for a, b in zip(found, true, strict=True)), count)

    classes = class_choice(spec, clip)
    names = (*classes.names, "none of these")
    figures = {
        "occupation": right(classes.posteriors(embedded, clip.logit_scale), names, [one.occupation for one in people])
    }
    truths = {
        "skin_tone": [one.skin for one in people],
        "hair_length": [one.hair_length for one in people],
    }
    for name, true in truths.items():
        choice = attribute_choice(spec.attributes[name].values, clip)
        figures[name] = right(choice.posteriors(embedded, clip.logit_scale), choice.names, true)
    for kind in SPOILED:
        pixels = spoiled(pictures.images.float() / 255, kind, torch.Generator().manual_seed(UNSEEN))
        ruined = clip.embed_images(pixels.mul(255).round().to(torch.uint8))
        of_none = classes.posteriors(ruined, clip.logit_scale).argmax(1) == len(classes.names)
        figures[f"none of these: {kind}"] = rate(int(of_none.sum()), count)
    return figures


# Measures on generated images


def wrong_figures(wishes: Sequence[Wish], rows: Sequence[Mapping[str, str]]) -> dict[str, Rate]:
    """Wrong occupations: in common and in rare combinations, and by occupation and skin tone."""
    wrong: Counter[str] = Counter()
    of: Counter[str] = Counter()
    for wish, row in zip(wishes, rows, strict=True):
        occupation, skin = wish.asked["occupation"], wish.asked["skin"]
        for group in ("rare" if is_rare(occupation, skin) else "common", f"{occupation}, {skin}"):
            of[group] += 1
            wrong[group] += row["occupation"] != occupation
    return {group: rate(wrong[group], of[group]) for group in of}


def fidelity_figures(wishes: Sequence[Wish], rows: Sequence[Mapping[str, str]]) -> dict[str, Rate]:
    """Share of images that show what the prompt said, by attribute."""
    return {
        name: rate(sum(row[name] == wish.asked[name] for wish, row in zip(wishes, rows, strict=True)), len(rows))
        for name in READ
    }


def skin_shares(
    wishes: Sequence[Wish], rows: Sequence[Mapping[str, str]], *, right_only: bool
) -> dict[str, dict[str, Rate]]:
    """Skin tones by the occupation that was asked for, of all images or of those that show it."""
    counts: dict[str, Counter[str]] = {occupation: Counter() for occupation in OCCUPATIONS}
    for wish, row in zip(wishes, rows, strict=True):
        occupation = wish.asked["occupation"]
        if row["occupation"] == occupation or not right_only:
            counts[occupation][row["skin"]] += 1
    return {
        occupation: {skin: rate(count[skin], count.total()) for skin in SKINS} for occupation, count in counts.items()
    }


def skins_of(occupation: str) -> tuple[float, ...]:
    """Percent, in the order of `SKINS`: of the training pictures that show `occupation`."""
    return SKEW[occupation].skins


def skins_called(occupation: str) -> tuple[float, ...]:
    """Percent, in the order of `SKINS`: of the training pictures whose caption says `occupation`, rightly or not."""
    partner = SKEW[CONFUSED_WITH[occupation]].skins
    return tuple(
        (1 - WRONG_OCCUPATION) * own + WRONG_OCCUPATION * other
        for own, other in zip(SKEW[occupation].skins, partner, strict=True)
    )


def skin_entropy(shares: Mapping[str, Mapping[str, Rate]]) -> float:
    """Bits, the mean over occupations; log2(3) = 1.58 at most."""
    known = [[skin.count for skin in of.values()] for of in shares.values() if next(iter(of.values())).of]
    return float(np.mean([entropy(counts, base=2) for counts in known])) if known else float("nan")


def training_entropy() -> float:
    return float(np.mean([entropy(skew.skins, base=2) for skew in SKEW.values()]))


def largest_difference(
    shares: Mapping[str, Mapping[str, Rate]], training: Callable[[str], tuple[float, ...]]
) -> tuple[float, str]:
    """In points, between the shares and those of the training set, and where it is."""
    differences = (
        (abs(100 * shares[occupation][skin].share - share), f"{occupation}, {skin}")
        for occupation in OCCUPATIONS
        for skin, share in zip(SKINS, training(occupation), strict=True)
        if shares[occupation][skin].of
    )
    return max(differences, default=(float("nan"), "none was read as asked"))
