"""A product on the real OSTIA file, with keys, and entitlements to deliver it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oceandata import storage
from oceandata.trade import Product, draft_revision, load_product
from oceandata.trade.delivery import (
    KeyFile,
    Manifest,
    load_key_file,
    load_private_key,
    new_key,
    plan_delivery,
    read_grant,
    write_delivery,
)

ROOT = Path(__file__).parents[3]


class Keys(NamedTuple):
    """A private key, its file, and the key file of the buyer."""

    private: Ed25519PrivateKey
    path: Path
    public: KeyFile


@pytest.fixture(scope="session")
def gridded(ostia_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Repository of the OSTIA file in many small chunks."""
    url = tmp_path_factory.mktemp("gridded") / "repository"
    storage.write_repository(storage.plan_ingest([ostia_file], url, chunk_bytes=40_000, access="balanced"))
    return url


@pytest.fixture(scope="session")
def product(gridded: Path) -> Product:
    """The example product, pinned to that repository."""
    shipped = load_product(ROOT / "catalogs" / "products" / "example_ostia_sst.yaml")
    return draft_revision(shipped, storage.describe_revision(gridded), change="the first")


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The provider's keys."""
    path = tmp_path_factory.mktemp("keys") / "provider.key"
    public = new_key(path, name="A provider")
    return Keys(load_private_key(path), path, load_key_file(public))


def entitlement(**fields: Any) -> dict[str, Any]:
    """An entitlement to everything, but for what is given."""
    return {"id": "E-1", "order": "O-1", "mode": "deliver", "starts": "2026-01-01T00:00:00Z"} | fields


@pytest.fixture
def deliver(product: Product, keys: Keys, tmp_path: Path) -> Callable[..., tuple[Path, Manifest]]:
    """Deliver whole chunks into the test's folder."""

    def run(name: str = "package", **asked: Any) -> tuple[Path, Manifest]:
        grant = read_grant(entitlement(**asked.pop("entitlement", {})), product=product)
        plan = plan_delivery(grant, tmp_path / name, **asked)
        return tmp_path / name, write_delivery(plan, keys.private)

    return run
