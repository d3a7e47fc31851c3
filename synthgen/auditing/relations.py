"""Relations: of attributes with classes, in one set, and in a set and a real one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from synthgen.auditing.few_clusters import kish_by_place
from synthgen.auditing.findings import Figure, Scope
from synthgen.auditing.table import Table
from synthgen.stats.amplification import Amplification, amplify, of_clusters, of_few_clusters
from synthgen.stats.association import Association, PromptClusters, associate, corrected_v, rao_scott
from synthgen.stats.clusters import Bootstrap
from synthgen.stats.estimates import Estimate, worth


def find_association(
    table: Table, name: str, scopes: Sequence[Scope], drawn: Bootstrap | None, seed: int
) -> Association:
    """Measure the association of the raw answers, and of corrected shares.

    With prompts, the test and the interval allow for their effect on each class.
    """
    counts = table.counts(name)[:, : len(table.attributes[name].values)]
    prompts, effect = None, 1.0
    if table.cluster is not None:
        effects = np.array([max(1.0, scope.design_effect or scopes[0].design_effect or 1.0) for scope in scopes[1:]])
        effect = rao_scott(counts, effects)
    if drawn is not None:
        prompts = PromptClusters(table.cluster_counts(name), table.cluster_label, drawn, effect)
    found = associate(counts, stream(seed, "association", name), prompts, effect)
    return replace(found, corrected=_corrected(scopes[1:])) if found.v is not None else found


def _corrected(scopes: Sequence[Scope]) -> Estimate | None:
    """Return Cramer's V of the quoted shares if they are corrected in every class that has some."""
    quoted = [
        [found for share in scope.shares if (found := share.of(scope.quote.figure))] for scope in scopes if scope.valued
    ]
    if not quoted or {scope.quote.figure for scope in scopes if scope.valued} & {
        Figure.RAW,
        Figure.CLUSTERED,
        Figure.WIDENED,
        Figure.AGREED,
        None,
    }:
        return None
    shares = np.array([[found.value for found in each] for each in quoted])
    images = np.array([scope.valued for scope in scopes if scope.valued], dtype=float)
    return corrected_v(shares, images, np.array([worth(each) for each in quoted]))


def find_amplifications(table: Table, real: Table, drawn: Bootstrap | None, seed: int) -> Iterator[Amplification]:
    for name in table.attributes:
        yield _amplification(table, real, name, drawn, stream(seed, "amplification", name))


def _amplification(
    table: Table, real: Table, name: str, drawn: Bootstrap | None, rng: np.random.Generator
) -> Amplification:
    width = len(table.attributes[name].values)
    here, there = table.counts(name)[:, :width], np.zeros((len(table.classes), width), dtype=np.int64)
    place = {kind: index for index, kind in enumerate(table.classes)}
    for kind, row in zip(real.classes, real.counts(name)[:, :width], strict=True):
        if kind in place:
            there[place[kind]] = row
    draws = None
    if drawn is not None:
        draws = of_clusters(drawn, table.cluster_counts(name), table.cluster_label, len(table.classes))
    elif table.cluster is not None:
        draws = of_few_clusters(here, kish_by_place(table, table.cluster_counts(name))[1:], rng)
    return amplify(name, table.classes, here, there, rng, draws)


def stream(seed: int, *purpose: str) -> np.random.Generator:
    """Return a random stream of its own for each purpose, so that draws for one do not change another."""
    return np.random.default_rng([seed, *" ".join(purpose).encode()])
