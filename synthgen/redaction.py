"""Secrets in texts: refused in what users write, blanked where errors are shown or saved."""

import os
import re
from collections.abc import Mapping

# `user:password@` or `token@` after a scheme. Passwords may hold slashes that should have been escaped, but not the
# next scheme: a text of nothing but schemes would take the square of its length.
_IN_ADDRESS = re.compile(r"(?<=://)(?:[^\s/?#@]*|[^\s/:@]+:(?:(?!://)[^\s@])*)@")
_VARIABLE = re.compile(
    r"TOKEN|SECRET|PASSW|PASSPHRASE|PASS$|CRED|COOKIE|KEYS?$|AUTHORI[SZ]ATION|BEARER|(API|ACCESS|PRIVATE|SIGNING)_?KEY"
    r"|(^|_)(KEY|AUTH|PW|PASS|PAT|JWT|PIN|SAS)(_|$)|_PWD(_|$)",  # PWD alone is the shell's own: the current folder
    re.IGNORECASE,
)
_SHORTEST = 8
"""Shorter values are words such as `false`, which occur in texts for other reasons."""


def looks_secret(name: str) -> bool:
    """Whether an environment variable of this name is likely to hold a secret, such as HF_TOKEN."""
    return _VARIABLE.search(name) is not None


def secret_in_address(text: str) -> re.Match[str] | None:
    """Find the first user, password or token in an address."""
    return _IN_ADDRESS.search(text)


def without_secrets(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """`text` without the secrets in its addresses, and without the values of variables such as HF_TOKEN."""
    names = {value: name for name, value in environment.items() if _VARIABLE.search(name) and len(value) >= _SHORTEST}
    for value in sorted(names, key=len, reverse=True):
        text = text.replace(value, f"${names[value]}")
    return _IN_ADDRESS.sub("***@", text)
