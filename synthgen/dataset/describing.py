"""What `croissant.json` says of the dataset of a run: from the facts that its card shows."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from synthgen.dataset.croissant import DerivedFrom, Description
from synthgen.dataset.provenance import Provenance
from synthgen.version import __version__

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_ADDRESS = re.compile(r"https?://\S+")
_SYNTHETIC = "Every image is synthetic: a diffusion model made it from a text prompt, and none is a photograph."
_FROM_PICTURES = "Every image is synthetic: a diffusion model made it from a picture, which may still be seen in it."


def description_of(provenance: Provenance) -> Description:
    """Say what a run's dataset is, by what it was made, and what is known and open of it."""
    said = {key: str(value) for key, value in provenance.metadata.items() if isinstance(value, str)}
    made = _FROM_PICTURES if provenance.source is not None else _SYNTHETIC
    return Description(
        text=f"{made} Labels are what images were asked to show. Made with synthgen; README.md says how.",
        licence=said.get("license"),
        creator=said.get("creator"),
        url=url if _ADDRESS.fullmatch(url := said.get("url", "")) else None,
        made_by=f"synthgen {__version__}, a run of the plan {provenance.fingerprint}",
        derived_from=tuple(_origins(provenance)),
        responsible=_responsible(provenance, made),
    )


def _origins(provenance: Provenance) -> Iterator[DerivedFrom]:
    """Yield each model, once, and the set of pictures."""
    models = provenance.licences or ({"model": provenance.model, "revision": provenance.model_revision},)
    seen = set[str]()
    for found in models:
        name, revision = str(found["model"]), str(found["revision"] or "")
        iri = f"urn:synthgen:model:{quote(name, safe='')}:{quote(revision, safe='')}"
        if _HUB_ID.fullmatch(name) and _COMMIT.fullmatch(revision):
            iri = f"https://huggingface.co/{name}/tree/{revision}"
        if iri not in seen:
            seen.add(iri)
            yield DerivedFrom(iri, f"{name} {revision}".strip())
    if provenance.source is not None:
        iri = f"urn:synthgen:set:{quote(provenance.source, safe='')}"
        yield DerivedFrom(iri, f"the pictures of {provenance.source}")


def _responsible(provenance: Provenance, made: str) -> Mapping[str, object]:
    """Return properties of the RAI vocabulary; what is open is marked so."""
    answers = {
        point.key: [*point.known, *([f"Open: {point.open}"] if point.open else [])] for point in provenance.questions
    }
    missing = provenance.tally.missing

    return {
        "dataCollection": " ".join(answers.get("10(2)(b)", [made])),
        "dataCollectionType": ["Others"],
        "dataCollectionMissingData": f"{missing:,} images are missing: their budget of attempts was spent."
        if missing
        else None,
        "dataPreprocessingProtocol": answers.get("10(2)(c)"),
        "dataAnnotationProtocol": [
            "A label is what an image was asked to show, or that of the picture that it began from. Where filters ran, "
            "a zero-shot model agreed with it; no person is known to have checked it."
        ],
        "machineAnnotationTools": [provenance.judge],
        "dataBiases": answers.get("10(2)(f)"),
        "dataLimitations": answers.get("10(2)(h)"),
        "dataUseCases": ["Open: which uses it is fit for. Ask who made it, and measure it before you train on it."],
        "personalSensitiveInformation": [
            f"{made} Attributes of people are what a model perceives; nobody has an identity here."
        ],
    }
