"""Stores of plug-ins: found by the scheme of an address, and good enough to hold a run."""

import traceback
from pathlib import Path

import pytest

import synthgen
from synthgen.errors import UsageError
from synthgen.plugins import STORES
from synthgen.store import open_store
from tests.installed import install
from tests.running.noise import make_run, noise_plan

MODULE = """
from synthgen.store import FolderStore


class Disk(FolderStore):
    folder = None  # read it by its methods, as a bucket

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(address.removeprefix("disk:/"))

    @property
    def location(self) -> str:
        return self.address


class Half:
    location, folder = "half:/", None

    def __init__(self, address: str) -> None:
        pass


class Failing(FolderStore):
    def __init__(self, address: str) -> None:
        raise ConnectionError(f"no answer from {address}")


class Placed(FolderStore):
    location = 7


class Foldered(FolderStore):
    folder = "/tmp/x"


def nothing(address: str) -> None:
    return None


NUMBER = 5
"""
SECRET = "hunter2"
UNUSABLE = {
    "failing": ("Failing", "it cannot be opened: ConnectionError"),
    "placed": ("Placed", "its `location` must be a text, and is of the type int"),
    "foldered": ("Foldered", "its `folder` must be a Path or None, and is of the type str"),
    "nothing": ("nothing", "it has no check_writable, create, .*, folder, location"),
    "number": ("NUMBER", "synthgen_disk:NUMBER is not a class or a function"),
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stores = {"disk": "Disk", "half": "Half", **{scheme: attribute for scheme, (attribute, _) in UNUSABLE.items()}}
    entries = {STORES: "\n".join(f"{scheme} = synthgen_disk:{attribute}" for scheme, attribute in stores.items())}
    install(tmp_path / "site", "synthgen-disk", "2.1", {"synthgen_disk": MODULE}, entries)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return tmp_path / "site"


@pytest.mark.usefixtures("site")
def test_a_run_lies_in_the_store_of_a_plug_in(tmp_path: Path) -> None:
    address = f"disk:/{tmp_path}/run"
    make_run(address, noise_plan("classes={doctor: 3, chef: 2}", "output.shard_size=4"))
    result = synthgen.finalize(address)
    assert (result.folder, result.summary.rows) == (address, 5)
    assert synthgen.verify(address) == []
    assert (tmp_path / "run/dataset/README.md").is_file()
    assert open_store(address).folder is None


@pytest.mark.usefixtures("site")
def test_a_store_that_lacks_methods_is_refused() -> None:
    with pytest.raises(UsageError, match=r"the store half \(synthgen-disk 2\.1\) cannot hold a run: it has no check_"):
        open_store("half:/x")


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("scheme", UNUSABLE)
def test_a_store_that_cannot_be_used_is_refused_with_its_package_and_without_the_secrets_of_its_address(
    scheme: str,
) -> None:
    expected = rf"the store {scheme} \(synthgen-disk 2\.1\) cannot hold a run: {UNUSABLE[scheme][1]}"
    with pytest.raises(UsageError, match=expected) as raised:
        open_store(f"{scheme}://user:{SECRET}@host/run?key={SECRET}")
    assert "synthgen-disk" in str(raised.value.hint)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_nobody_takes_the_scheme_of_another(site: Path) -> None:
    install(site, "other-s3", "1", {}, {STORES: "s3 = other:Store"})
    with pytest.raises(UsageError, match="the store 's3' of other-s3 1 has the name of one that is part of synthgen"):
        open_store("s3://bucket/run")


def test_an_address_that_no_plug_in_knows_is_refused() -> None:
    with pytest.raises(UsageError, match=r"expected a folder, or s3://bucket/prefix .*; found gs:/\.\.\.") as raised:
        open_store("gs://bucket/run")
    assert "a plug-in may add others" in (raised.value.hint or "")
