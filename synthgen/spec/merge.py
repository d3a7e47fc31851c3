"""One document over another: mappings are merged, everything else is replaced."""

from dataclasses import replace

from synthgen.spec.document import Entry, Mapping, Node, Scalar, Sequence

KeyPath = tuple[str, ...]

_COUNTS = (("classes", "*"),)
"""Keys whose value may be a number, short for a mapping with `count`."""
_VARIABLES = (("prompts", "variables", "*"), ("classes", "*", "variables", "*"))
"""Keys whose value may be values with weights, short for a mapping with `values`."""
_WEIGHTED = (
    ("prompts", "templates"),
    ("classes", "*", "templates"),
    ("prompts", "suffix"),
    *_VARIABLES,
    *((*path, "values") for path in _VARIABLES),
)
"""Keys whose value may be a list, short for a mapping of each text to the weight 1."""
_CHOICES = tuple(("model", key) for key in ("steps", "guidance", "scheduler", "size", "strength"))
"""Keys whose value may be a choice of values: one replaces the other whole."""
_SOURCES = ("values", "range", "file")
"""Keys of a variable of which it has one."""
_OF_SOURCES = (*_SOURCES, "step", "decimals", "column", "sha256", "read_from")
_PARTS = {*_OF_SOURCES, "when", "otherwise", "pick"} - {*_SOURCES}


def merged(below: Node, above: Node, path: KeyPath = ()) -> Node:
    """Lay `above` over `below`, two values of the key `path`.

    Mappings are merged key by key, in the order of `below`, new keys last. A list or a value replaces what is below it.
    A key without a value (`chef:` or `chef: null`) removes the key below it. A short form is merged as the long form
    that it stands for.
    """
    if _is_one_of(path, _CHOICES):
        return above
    if isinstance(below, Mapping):
        above = count_in_full(above, path)
    if isinstance(above, Mapping):
        below = weights_in_full(count_in_full(below, path), path)
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    if _is_one_of(path, _VARIABLES):
        below, above = _variables_alike(below, above)

    entries = dict(below.entries)
    for key, entry in above.entries.items():
        old = entries.get(key)
        if old is None:
            entries[key] = entry
        elif isinstance(entry.value, Scalar) and entry.value.value is None and not entry.value.bad:
            del entries[key]
        else:
            entries[key] = Entry(entry.key, merged(old.value, entry.value, (*path, key)))
    return mapping_of(above, entries, bad=below.bad or above.bad)


def _variables_alike(below: Mapping, above: Mapping) -> tuple[Mapping, Mapping]:
    """Write both forms of a variable alike. The values of the one above replace a range or a file below, and so on."""
    is_part = above.entries.keys() <= _PARTS and (_is_long(below) or not _has_weights(above))  # such as `when` alone
    if not (_is_long(below) or _is_long(above) or is_part):
        return below, above
    below = below if _is_long(below) else _in_full(below)
    above = above if is_part or _is_long(above) else _in_full(above)
    mine, theirs = ({key for key in _SOURCES if key in each.entries} for each in (above, below))
    if mine and mine != theirs:
        below = mapping_of(below, {key: each for key, each in below.entries.items() if key not in _OF_SOURCES})
    return below, above


def _is_long(node: Mapping) -> bool:
    return not _has_weights(mapping_of(node, {key: each for key, each in node.entries.items() if key in _SOURCES}))


def _has_weights(node: Mapping) -> bool:
    values = (entry.value for entry in node.entries.values())
    return all(isinstance(each, Scalar) and isinstance(each.value, int | float) for each in values)


def _in_full(node: Mapping) -> Mapping:
    return Mapping(node.position, {"values": Entry(node.position, node)}, node.size + 1, node.depth + 1)


def mapping_of(like: Mapping, entries: dict[str, Entry], *, bad: bool | None = None) -> Mapping:
    """Return a mapping with other entries, and its size and depth."""
    size = 1 + sum(1 + entry.value.size for entry in entries.values())
    depth = 1 + max((entry.value.depth for entry in entries.values()), default=0)
    return replace(like, entries=entries, size=size, depth=depth, bad=like.bad if bad is None else bad)


def count_in_full(node: Node, path: KeyPath) -> Node:
    """Expand `doctor: 20` to `doctor: {count: 20}`."""
    if isinstance(node, Scalar) and node.value is not None and _is_one_of(path, _COUNTS):
        return Mapping(node.position, {"count": Entry(node.position, node)}, node.size + 1, node.depth + 1)
    return node


def weights_in_full(node: Node, path: KeyPath) -> Node:
    """Expand a list of texts to a mapping of each text to the weight 1, where the two mean the same."""
    if isinstance(node, Sequence) and _is_one_of(path, _WEIGHTED):
        one = Scalar(node.position, 1, "1")
        texts = (item for item in node.items if isinstance(item, Scalar) and isinstance(item.value, str))
        entries = {item.text: Entry(item.position, one) for item in texts}
        return Mapping(node.position, entries, node.size, node.depth) if len(entries) == len(node.items) else node
    return node


def _is_one_of(path: KeyPath, patterns: tuple[KeyPath, ...]) -> bool:
    return any(
        len(path) == len(pattern) and all(part in ("*", key) for part, key in zip(pattern, path, strict=True))
        for pattern in patterns
    )
