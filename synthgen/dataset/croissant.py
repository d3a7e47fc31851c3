"""`croissant.json`: the dataset's metadata for programs, in Croissant 1.1 with PROV and the RAI vocabulary.

It is written from the manifest, and knows nothing of formats: files that end with `.parquet` have records that
Croissant can say, and all others are listed without. Sources: http://mlcommons.org/croissant/1.1,
http://mlcommons.org/croissant/RAI/1.0 and https://www.w3.org/TR/prov-o/.
"""

import json
import mimetypes
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from synthgen.dataset.croissant_fields import RECORDS, Json, fields_of
from synthgen.dataset.formats.format import Manifest
from synthgen.dataset.summary import DatasetSummary
from synthgen.inert import inert
from synthgen.store.layout import CROISSANT
from synthgen.version import __version__

_CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "prov": "http://www.w3.org/ns/prov#",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""As mlcroissant expects it of version 1.1, and `prov`."""
_CONFORMS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
_TYPES = {
    ".parquet": "application/x-parquet",
    ".jsonl": "application/jsonlines",
    ".arrow": "application/vnd.apache.arrow.stream",
    ".webp": "image/webp",
    ".tar": "application/x-tar",
    ".yaml": "application/yaml",
}
_FILES = 1000
"""With more files, those of one kind in one folder are listed together, and `synthgen.json` has their hashes."""
_SPLITS = {"train": "cr:TrainingSplit", "test": "cr:TestSplit"} | dict.fromkeys(
    ("validation", "valid", "val", "dev"), "cr:ValidationSplit"
)
_PARQUET, _SPLIT_SET, _LABEL_SET = "parquet-files", "splits", "labels"


@dataclass(frozen=True, slots=True)
class DerivedFrom:
    """Something that a dataset was made from or with.

    Attributes:
        iri: an address or a URN that names it.
    """

    iri: str
    label: str


@dataclass(frozen=True, slots=True)
class Description:
    """What is said of a dataset as a whole.

    Attributes:
        text: what it is, in sentences.
        licence: of the dataset itself: an id or an address; None if nobody said.
        creator, url: as its makers say; None if they do not.
        made_by: what made it, such as `synthgen 1.2 run of the plan 33b4a1ce`.
        derived_from: the models and sets that it was made from.
        responsible: properties of the RAI vocabulary, without its prefix.
    """

    text: str
    licence: str | None = None
    creator: str | None = None
    url: str | None = None
    made_by: str = f"synthgen {__version__}"
    derived_from: Sequence[DerivedFrom] = ()
    responsible: Mapping[str, object] = field(default_factory=dict)


UNDESCRIBED = Description("Labelled images. README.md says what they are.")


def write_croissant(
    folder: Path, summary: DatasetSummary, manifest: Manifest, schema: pa.Schema, description: Description
) -> None:
    """Write the file.

    Args:
        summary: with the hashes of all files that a format wrote.
        schema: the columns that Parquet files have.
    """
    content = _without_nothing(
        {
            "@context": _CONTEXT,
            "@type": "sc:Dataset",
            "name": summary.name,
            "description": _text(description.text),
            "conformsTo": _CONFORMS,
            "license": description.licence or "unknown",
            "url": description.url,
            "creator": {"@type": "sc:Organization", "name": description.creator} if description.creator else None,
            "keywords": ["synthetic", "machine-generated", "image classification"],
            "isLiveDataset": False,
            **_origin(description),
            **{f"rai:{key}": _said(value) for key, value in description.responsible.items()},
            **_distribution(folder, summary, manifest, schema),
        }
    )
    (folder / CROISSANT).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _origin(description: Description) -> Json:
    origins = description.derived_from
    entities = [{"@type": "prov:Entity", "@id": one.iri, "prov:label": _text(one.label)} for one in origins]
    agent = {"@type": ["prov:Agent", "prov:SoftwareAgent"], "prov:label": f"synthgen {__version__}"}
    activity = {
        "@type": "prov:Activity",
        "prov:label": _text(description.made_by),
        "prov:used": [{"@id": one.iri} for one in origins],
        "prov:wasAssociatedWith": agent,
    }
    return {"prov:wasDerivedFrom": entities, "prov:wasGeneratedBy": _without_nothing(activity)}


def _distribution(folder: Path, summary: DatasetSummary, manifest: Manifest, schema: pa.Schema) -> Json:
    """Describe the files, and the records of those that have some."""
    names = list(manifest.files)
    listed = [*_objects(folder, summary, names)] if len(names) <= _FILES else [*_sets(names)]
    tables = sorted(name for name in names if name.endswith(".parquet"))
    if not tables:
        return {"distribution": listed}

    files = {
        "@type": "cr:FileSet",
        "@id": _PARQUET,
        "description": "The files that the records are in.",
        "encodingFormat": _TYPES[".parquet"],
        "includes": tables if len(tables) <= _FILES else ["**/*.parquet"],
    }
    fields, left_out = fields_of(schema, _PARQUET)
    records: Json = {
        "@type": "cr:RecordSet",
        "@id": RECORDS,
        "name": RECORDS,
        "description": "A record for each image."
        + (f" Not described here, and in the files: {', '.join(map(_text, left_out))}." if left_out else ""),
        "key": {"@id": f"{RECORDS}/id"},
        "field": [*_split_field(manifest), *fields],
    }
    return {"distribution": [*listed, files], "recordSet": [*_enumerations(summary, records), records]}


def _objects(folder: Path, summary: DatasetSummary, names: Sequence[str]) -> Iterator[Json]:
    for name in names:
        yield {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "contentSize": f"{(folder / name).stat().st_size} B",
            "encodingFormat": _type_of(name),
            "sha256": summary.digests[name],
        }


def _sets(names: Sequence[str]) -> Iterator[Json]:
    groups = dict.fromkeys((name.partition("/")[0] if "/" in name else "", Path(name).suffix) for name in names)
    for index, (top, ending) in enumerate(groups):
        yield {
            "@type": "cr:FileSet",
            "@id": f"files-{index}",
            "description": "synthgen.json has the sha256 of each file.",
            "encodingFormat": _type_of(f"x{ending}"),
            "includes": f"{top}/**/*{ending}" if top else f"*{ending}",
        }


def _type_of(name: str) -> str:
    ending = Path(name).suffix.lower()
    return _TYPES.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _split_field(manifest: Manifest) -> Iterator[Json]:
    """Yield the field that says the split, if the names of the files do."""
    splits = [split for split, written in manifest.splits.items() if written.rows]
    form = rf"(?:^|/)({'|'.join(map(re.escape, splits))})-\d+-of-\d+\.parquet$"
    tables = [(split, name) for split in splits for name in manifest.splits[split].files if name.endswith(".parquet")]
    if all((found := re.search(form, name)) and found[1] == split for split, name in tables):
        yield {
            "@type": "cr:Field",
            "@id": f"{RECORDS}/split",
            "name": "split",
            "description": "The split that the image is in.",
            # A reference to the record set of splits would be right, and mlcroissant 1.1 loses records by it.
            "dataType": "sc:Text",
            "source": {
                "fileSet": {"@id": _PARQUET},
                "extract": {"fileProperty": "fullpath"},
                "transform": {"regex": f".*{form}"},
            },
        }


def _enumerations(summary: DatasetSummary, records: Mapping[str, object]) -> Iterator[Json]:
    """Yield the splits and the classes as record sets with their data."""
    splits = [split.name for split in summary.splits if split.rows]

    yield {
        "@type": "cr:RecordSet",
        "@id": _SPLIT_SET,
        "name": _SPLIT_SET,
        "dataType": "cr:Split",
        "key": {"@id": f"{_SPLIT_SET}/name"},
        "field": [
            {"@type": "cr:Field", "@id": f"{_SPLIT_SET}/name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": f"{_SPLIT_SET}/url", "dataType": "sc:URL"},
        ],
        "data": [{f"{_SPLIT_SET}/name": name, f"{_SPLIT_SET}/url": _SPLITS.get(name, "cr:Split")} for name in splits],
    }
    yield {
        "@type": "cr:RecordSet",
        "@id": _LABEL_SET,
        "name": _LABEL_SET,
        "description": "The classes: the numbers of images/label, and their names.",
        "dataType": "sc:Enumeration",
        "key": {"@id": f"{_LABEL_SET}/label"},
        "field": [
            {"@type": "cr:Field", "@id": f"{_LABEL_SET}/label", "dataType": "sc:Integer"},
            {"@type": "cr:Field", "@id": f"{_LABEL_SET}/name", "dataType": ["sc:Text", "sc:name"]},
        ],
        "data": [
            {f"{_LABEL_SET}/label": place, f"{_LABEL_SET}/name": name} for place, name in enumerate(summary.classes)
        ],
    }


def _text(text: str) -> str:
    return " ".join(inert(text).split())


def _said(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_said(each) for each in value]
    return _text(value) if isinstance(value, str) else value


def _without_nothing(content: Mapping[str, object]) -> Json:
    return {key: value for key, value in content.items() if value not in (None, [], {}, "")}
