"""What plan.json says besides the spec: checked, since whoever hands a run over may have written anything there."""

from collections.abc import Mapping

_LARGEST_WINDOW = 1 << 16


def check_stored(content: Mapping[str, object]) -> None:
    """Check the window, the revisions and the promise of a plan.

    Raises:
        ValueError: one of them cannot be what a plan has.
    """
    window, revisions, promise = content.get("window"), content.get("revisions"), content.get("promise")
    if type(window) is not int or not 0 < window <= _LARGEST_WINDOW:
        raise ValueError(f"window: expected a whole number from 1 to {_LARGEST_WINDOW}, found {window!r:.40}")
    if not isinstance(revisions, dict):
        raise ValueError(f"revisions: expected an object, found {revisions!r:.40}")
    plugins = revisions.get("plugins", {})
    for name in ("generator", "judge"):
        if not isinstance(revisions.get(name), str):
            raise ValueError(f"revisions.{name}: expected text, found {revisions.get(name)!r:.40}")
    if not isinstance(plugins, dict) or not all(isinstance(release, str) for release in plugins.values()):
        raise ValueError(f"revisions.plugins: expected releases by name, found {plugins!r:.40}")
    for key in ("adapters", "components", "annotators"):
        named = revisions.get(key, {})
        if not isinstance(named, dict) or not all(isinstance(revision, str) for revision in named.values()):
            raise ValueError(f"revisions.{key}: expected revisions by name, found {named!r:.40}")
    if promise is not None and not isinstance(promise, str):
        raise ValueError(f"promise: expected text, found {promise!r:.40}")
