"""Packages: the same stored bytes, whole or not at all, continued after a kill, and without the key."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

from oceandata import catalog, storage
from oceandata.errors import CorruptionError, InputError, RepositoryExistsError
from oceandata.trade.delivery import (
    load_private_key,
    open_delivery,
    plan_clipped,
    plan_delivery,
    read_grant,
    read_manifest,
    verify_delivery,
    write_delivery,
)
from oceandata.trade.delivery.manifest import STORE_NAME
from tests.trade.delivery.conftest import entitlement

_DRIVER = """
import os, signal, sys
from pathlib import Path
import yaml
from oceandata.trade import load_product
from oceandata.trade.delivery import load_private_key, plan_delivery, read_grant, write_delivery, writing

left = [int(sys.argv[4])]
copy, rename = writing._copy_chunk, Path.rename

def killed(*given):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return copy(*given)

def killed_after(path, target):
    rename(path, target)
    if left[0] == -1:
        os.kill(os.getpid(), signal.SIGKILL)

writing._copy_chunk = killed
if left[0] == 0:
    left[0] = -1
    writing._copy_chunk, Path.rename = copy, killed_after
grant = read_grant(yaml.safe_load(Path(sys.argv[1]).read_text()), product=load_product(sys.argv[2]))
write_delivery(plan_delivery(grant, sys.argv[3], time="2009"), load_private_key(sys.argv[5]))
"""


def _content(package: Path) -> dict[str, bytes]:
    return {one.relative_to(package).as_posix(): one.read_bytes() for one in package.rglob("*") if one.is_file()}


def test_the_stored_bytes_are_those_of_an_export(deliver, gridded, tmp_path):
    package, manifest = deliver(bbox=(100, -2, 200, 2), time="2008/2009")
    storage.export_revision(gridded, tmp_path / "export")
    whole, delivered = _content(tmp_path / "export"), _content(package / STORE_NAME)
    chunks = [path for path in delivered if not path.endswith("zarr.json")]
    assert all(delivered[path] == whole[path] for path in chunks)
    arrays = [path for path in delivered if path.endswith("/zarr.json")]
    assert all(delivered[path] == whole[path] for path in arrays)
    assert len(chunks) == manifest.counts.chunks < len(whole) - len(arrays) - 1


def test_what_was_delivered_opens(deliver, gridded):
    package, _ = deliver(bbox=(-20, -2, 20, 2), time="2009")
    wanted = storage.open_dataset(gridded, region=(-20, -2, 20, 2), time="2009").sortby("longitude")
    found = open_delivery(package)
    # across the seam the repository turns longitudes; a package has them as they are stored
    turned = found.assign_coords(longitude=(found["longitude"] + 180) % 360 - 180).sortby("longitude")
    np.testing.assert_array_equal(turned["surface_temperature"].to_numpy(), wanted["surface_temperature"].to_numpy())
    np.testing.assert_allclose(turned["longitude"], wanted["longitude"], atol=1e-4)
    cells = read_manifest(package).selection.cells
    with xr.open_zarr(package / STORE_NAME) as plain:
        taken = {dim: np.concatenate([np.arange(a, b) for a, b in parts]) for dim, parts in cells.items()}
        part = plain["surface_temperature"].isel(taken)
        np.testing.assert_array_equal(part.to_numpy(), found["surface_temperature"].to_numpy())


def test_the_lines_of_python_in_the_package_run(deliver, monkeypatch):
    package, _ = deliver(bbox=(-20, -2, 20, 2), time="2009")
    monkeypatch.chdir(package)
    lines = [line.strip() for line in Path("README.txt").read_text(encoding="utf-8").splitlines()]
    names: dict[str, xr.Dataset] = {}
    for line in lines:
        if line.startswith(("from ", "import ", "ds = ")):
            exec(line, names)  # noqa: S102 - the package says that they run
    assert dict(names["ds"].sizes)["longitude"] == len(open_delivery(package)["longitude"])
    names["ds"].close()


def test_an_existing_place_is_not_touched(product, keys, tmp_path):
    grant = read_grant(entitlement(), product=product)
    plan = plan_delivery(grant, tmp_path / "package", time="2009")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "mine").write_text("mine")
    with pytest.raises((RepositoryExistsError, InputError)):
        write_delivery(plan, keys.private)
    assert _content(tmp_path / "package") == {"mine": b"mine"}


@pytest.mark.parametrize("kill_at", [0, 1, 14])
def test_a_killed_delivery_continues_and_ends_the_same(product, keys, tmp_path, kill_at):
    """Killed before the chunk of that number, or between the renaming and the tidying up."""
    from oceandata.trade import write_product

    write_product(product, tmp_path / "product.yaml")
    (tmp_path / "entitlement.yaml").write_text(yaml.safe_dump(entitlement()))
    given = [str(tmp_path / "entitlement.yaml"), str(tmp_path / "product.yaml"), str(tmp_path / "package")]
    command = [sys.executable, "-c", _DRIVER, *given, str(kill_at), str(keys.path)]
    assert subprocess.run(command, check=False).returncode == -9
    assert (tmp_path / "package").exists() == (kill_at == 0)
    begun = json.loads((tmp_path / ".package.partial" / "journal.log").read_text().splitlines()[0][9:])
    torn = next((tmp_path / ".package.partial").rglob("surface_temperature/c/*/*/*"), None)
    assert (torn is not None) == (kill_at == 14)
    if torn is not None:
        torn.write_bytes(b"torn")
    plan = plan_delivery(read_grant(entitlement(), product=product), tmp_path / "package", time="2009")
    manifest = write_delivery(plan, keys.private)
    assert manifest.created.isoformat() == begun["created"]
    assert verify_delivery(tmp_path / "package", keys=keys.public).exit_code == 0
    assert not (tmp_path / ".package.partial").exists()
    (tmp_path / "other").mkdir()
    grant = read_grant(entitlement(), product=product)
    other = plan_delivery(grant, tmp_path / "other" / "package", time="2009")
    write_delivery(other, keys.private)
    first, second = _content(tmp_path / "package"), _content(tmp_path / "other" / "package")
    seals = {"od-manifest.json", "od-manifest.dsse.json"}  # they hold the time
    assert {path: first[path] for path in first.keys() - seals} == {
        path: second[path] for path in second.keys() - seals
    }


def test_another_delivery_is_not_mixed_with_an_unfinished_one(product, keys, tmp_path, monkeypatch):
    from oceandata.trade.delivery import writing

    def fails(*given):
        raise KeyboardInterrupt

    grant = read_grant(entitlement(), product=product)
    with monkeypatch.context() as patched:
        patched.setattr(writing, "_copy_chunk", fails)
        with pytest.raises(KeyboardInterrupt):
            write_delivery(plan_delivery(grant, tmp_path / "package", time="2009"), keys.private)
    other = plan_delivery(grant, tmp_path / "package", time="2010")
    with pytest.raises(RepositoryExistsError, match="was left unfinished"):
        write_delivery(other, keys.private)
    write_delivery(other, keys.private, discard=True)
    assert read_manifest(tmp_path / "package").selection.asked == {"time": "2010"}


def test_a_damaged_chunk_is_not_delivered(product, keys, tmp_path, monkeypatch):
    from zarr.core.buffer import cpu

    plan = plan_delivery(read_grant(entitlement(), product=product), tmp_path / "package", time="2009")

    class Damaged:
        async def get(self, *_):
            return cpu.Buffer.from_bytes(b"damaged")

    object.__setattr__(plan, "store", Damaged())
    with pytest.raises(CorruptionError, match=r"differs from what was written\. Nothing was delivered"):
        write_delivery(plan, keys.private)
    assert not (tmp_path / "package").exists()


def test_a_full_disk_is_told_before(product, keys, tmp_path):
    plan = plan_delivery(read_grant(entitlement(), product=product), tmp_path / "package", time="2009")
    object.__setattr__(plan, "free_bytes", 10)
    with pytest.raises(InputError, match="are free at"):
        write_delivery(plan, keys.private)
    assert not list(tmp_path.glob("package*"))


def test_the_private_key_is_nowhere(product, keys, tmp_path, caplog):
    """Neither in the package, nor in what an unfinished run leaves, nor in a log: in no spelling."""
    import base64
    import logging

    from oceandata.trade.delivery import writing

    private = load_private_key(keys.path)
    raw = private.private_bytes_raw()
    spelt = [raw, raw.hex().encode(), base64.b64encode(raw), *keys.path.read_bytes().splitlines()]
    grant = read_grant(entitlement(), product=product)
    with caplog.at_level(logging.DEBUG), pytest.MonkeyPatch.context() as patched:
        patched.setattr(writing, "sealed", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_delivery(plan_delivery(grant, tmp_path / "package", time="2009"), private)
    left = _content(tmp_path)
    assert any(path.endswith("journal.log") for path in left)
    with caplog.at_level(logging.DEBUG):
        write_delivery(plan_delivery(grant, tmp_path / "package", time="2009"), private)
    everything = [*left.values(), *_content(tmp_path).values(), caplog.text.encode()]
    assert len(everything) > 20
    assert not any(secret in content for secret in spelt for content in everything)


@pytest.fixture
def entries(gridded, product, tmp_path):
    """A catalogue with the entry of the product."""
    (tmp_path / "overlay.yaml").write_text("title: SST\nlicense: LicenseRef-OGL-UK\nattribution: Met Office\n")
    overlay = catalog.load_overlay(tmp_path / "overlay.yaml")
    entry = catalog.draft_entry(storage.describe_revision(gridded), overlay, name=product.entry, trade=product.link)
    catalog.register_entry(tmp_path / "catalog.yaml", entry)
    return catalog.open_catalog(tmp_path / "catalog.yaml")


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_clipped_cells_are_attested(product, keys, entries, gridded, tmp_path, suffix):
    scope = {"bbox": [100, -3, 200, 3], "time": ["2009-01-01", "2009-12-31"]}
    grant = read_grant(entitlement(scope=scope), product=product)
    plan = plan_clipped(grant, tmp_path / "package", catalog=entries, suffix=suffix)
    manifest = write_delivery(plan, keys.private)
    assert (manifest.mode, manifest.arrays, manifest.counts.chunks) == ("clipped", {}, 0)
    report = verify_delivery(tmp_path / "package", keys=keys.public)
    assert report.exit_code == 0
    assert "encoded anew" in str(report.unproved)
    wanted = storage.open_dataset(gridded, region=(100, -3, 200, 3), time="2009")["surface_temperature"]
    with open_delivery(tmp_path / "package") as found:
        np.testing.assert_array_equal(found["surface_temperature"].to_numpy(), wanted.to_numpy())
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_a_clipped_delivery_is_within_the_entitlement(product, keys, entries, tmp_path):
    grant = read_grant(entitlement(scope={"bbox": [100, -3, 200, 3]}, limits={"bytes": 1_000}), product=product)
    with pytest.raises(InputError, match=r"2 degrees south \(to -4.9\d*, allowed is -3\) and 1.44 degrees north"):
        plan_clipped(grant, tmp_path / "package", catalog=entries, bbox=(100, -5, 200, 4.9))
    with pytest.raises(InputError, match="allows 1,000"):
        write_delivery(plan_clipped(grant, tmp_path / "package", catalog=entries, time="2009"), keys.private)
    assert not (tmp_path / "package").exists()


def test_a_clipped_delivery_of_another_revision_is_refused(product, entries, other_repository, tmp_path):
    revision = product.revisions[0].model_copy(update={"snapshot": "ANOTHER"})
    grant = read_grant(entitlement(), product=product.model_copy(update={"revisions": (revision,)}))
    with pytest.raises(InputError, match=r"but revision 1 of .* is ANOTHER"):
        plan_clipped(grant, tmp_path / "package", catalog=entries, time="2009")
