"""No test reaches the network: not the hub, not a resolver, not from a subprocess."""

import ipaddress
import json
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
from hypothesis import settings
from slipcover import pytest_plugin as slipcover_plugin

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BUILD = Path(__file__).parents[1] / "build"

# No test gates on time: on a machine that does other things, too, an example takes what it takes.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# What a user has named is noted in the cache folder: that of the tests is their own. Matplotlib's fonts stay where they
# are, since it takes seconds to list them, and so does what uv downloaded.
_CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
os.environ.setdefault("MPLCONFIGDIR", os.path.join(_CACHE, "matplotlib"))
os.environ.setdefault("UV_CACHE_DIR", os.path.join(_CACHE, "uv"))
_NOTES = tempfile.TemporaryDirectory(prefix="synthgen-tests-", ignore_cleanup_errors=True)
os.environ["XDG_CACHE_HOME"] = _NOTES.name

# Set before any library is imported, since they read it once; subprocesses inherit it.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

# A user's Python keeps what it compiled; without that, each process of a test compiles torch and diffusers anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Of several tests at a time each has a core. Two libraries that both want all cores starve.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# The patch below holds in this process only. For subprocesses, a proxy that refuses (port 9, discard).
for _scheme in ("http", "https", "all"):
    os.environ[f"{_scheme}_proxy"] = os.environ[f"{_scheme.upper()}_PROXY"] = "http://127.0.0.1:9"
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "localhost,127.0.0.1,::1"


def _is_here(host: object) -> bool:
    """Is it this machine, said without asking a resolver? None and "" are the wildcard, to bind to."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost", socket.gethostname()}:
        return True
    try:
        address = ipaddress.ip_address(str(name))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse_elsewhere(host: object) -> None:
    if not _is_here(host):
        # `pytest.fail` is a BaseException: a library that catches its own network errors cannot hide it.
        pytest.fail(f"a test reached for the network: {host!r}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Seed what draws from a global generator, in a test or in an example that it runs, so that chance fails none."""
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.manual_seed(0)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Write which lines ran in this process of two, for `.ci/run`: SlipCover's plug-in does so when none waits for it
    any more, and its sum lacks what came late."""
    if (lines := slipcover_plugin._slipcover_instance) is not None:
        BUILD.mkdir(exist_ok=True)
        (BUILD / f"measured-{os.environ['PYTEST_XDIST_WORKER']}.json").write_text(json.dumps(lines.get_coverage()))


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Fail the test that resolves or connects to anything but this machine."""

    def guard(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
        def guarded(self: socket.socket, address: Any) -> Any:
            if self.family in {socket.AF_INET, socket.AF_INET6}:
                _refuse_elsewhere(address[0])
            return connect(self, address)

        return guarded

    resolve = socket.getaddrinfo

    def guarded_resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_elsewhere(host)
        return resolve(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guard(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guard(socket.socket.connect_ex))
        patch.setattr(socket, "getaddrinfo", guarded_resolve)
        yield


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server on this machine; see `tests/s3_server.py`."""
    command, root = [sys.executable, "-m", "tests.s3_server"], Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address, "the server did not start"
        yield address
        server.kill()


@pytest.fixture
def s3(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Makes a bucket whose name begins with a word, and gives its address. The environment is that of a user of the
    server, and holds nothing of this machine's own."""
    environment = {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "nothing"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "nothing"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def bucket(kind: str = "good") -> str:
        name = f"{kind}-{secrets.token_hex(4)}"
        with urlopen(Request(f"{s3_server}/{name}", method="PUT")):
            pass
        return f"s3://{name}"

    return bucket


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a run can lie: a folder, or an address in a bucket. What is promised of one is promised of both."""
    return str(tmp_path / "run") if request.param == "folder" else f"{request.getfixturevalue('s3')()}/some/run"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has named no model yet, in a folder with a judge and with attributes to measure."""
    import huggingface_hub.constants

    from tests.handed_over import TINTS
    from tests.judging.tiny import save_judge

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    save_judge(tmp_path / "judge")
    (tmp_path / "attributes.yaml").write_text(TINTS)
    return tmp_path


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A real browser, headless; CI must have one."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        message = f"no browser is installed: looked for {', '.join(names)}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-quic"])
        yield browser
        browser.close()
