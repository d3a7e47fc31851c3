"""The guard in conftest.py, which every other test relies on, does refuse."""

import os
import socket
import subprocess
import sys

import pytest

# TEST-NET-1 of RFC 5737: never routed.
NOWHERE = "192.0.2.1"


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_connecting_elsewhere_fails_the_test(method: str) -> None:
    with socket.socket() as sock, pytest.raises(pytest.fail.Exception, match="reached for the network"):
        getattr(sock, method)((NOWHERE, 80))


def test_resolving_a_name_fails_the_test() -> None:
    with pytest.raises(pytest.fail.Exception, match="reached for the network"):
        socket.create_connection(("huggingface.co", 443))


def test_this_machine_stays_reachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_a_subprocess_finds_only_a_proxy_that_refuses() -> None:
    fetch = f"import urllib.request as r; r.urlopen('http://{NOWHERE}/', timeout=5)"
    done = subprocess.run([sys.executable, "-c", fetch], capture_output=True, text=True, check=False)
    assert "Connection refused" in done.stderr


def test_the_hub_is_told_to_stay_offline() -> None:
    assert os.environ["HF_HUB_OFFLINE"] == "1"
