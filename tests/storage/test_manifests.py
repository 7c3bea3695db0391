"""Manifests that are cut: where, what stays configured, and that one step reads the manifest of its neighbours only."""

from pathlib import Path

import pytest

from oceandata.storage import open_repository, plan_ingest, plan_layout, write_layout, write_repository
from oceandata.storage.layout import ArrayPlan
from oceandata.storage.manifests import manifest_lengths, with_split_manifests
from oceandata.storage.stores import create_repository


def plan(name: str, shape: tuple[int, ...]) -> ArrayPlan:
    return ArrayPlan(name, ("time", "lat", "lon")[: len(shape)], shape, (1,) * len(shape), "<f4", 0.0, {}, False)


@pytest.mark.parametrize(
    ("grid", "lengths"),
    [
        ((), {}),
        ((7,), {0: 100_000}),
        ((50_000, 10, 10), {0: 1000}),
        ((1, 300, 1), {0: 333}),
        ((3, 1000, 1000), {1: 100, 0: 1}),
        ((3, 4, 200_000), {2: 100_000, 1: 1, 0: 1}),
        ((0, 10), {0: 10_000}),
        ((10, 0), {0: 100_000}),
    ],
)
def test_manifests_hold_whole_rows_up_to_a_limit(grid: tuple[int, ...], lengths: dict[int, int]) -> None:
    assert manifest_lengths(grid) == lengths


def test_configuration_is_remembered_and_added_to(tmp_path: Path) -> None:
    repository = with_split_manifests(create_repository(tmp_path / "r"), tmp_path / "r", "maps", [plan("a+b", (5, 2))])
    stored = (tmp_path / "r" / "config.yaml").read_text()
    assert r"^/maps/a\+b$" in stored
    assert "num_chunks: 50000" in stored
    assert with_split_manifests(repository, tmp_path / "r", "maps", [plan("a+b", (5, 2))]) is repository
    with_split_manifests(open_repository(tmp_path / "r"), tmp_path / "r", "series", [plan("c", (5, 9, 9))])
    stored = (tmp_path / "r" / "config.yaml").read_text()
    assert r"^/maps/a\+b$" in stored
    assert "^/series/c$" in stored
    assert "num_chunks: 1234" in stored
    again = with_split_manifests(open_repository(tmp_path / "r"), tmp_path / "r", "maps", [plan("a+b", (5, 100))])
    assert "num_chunks: 50000" not in (tmp_path / "r" / "config.yaml").read_text()
    assert "1000" in str(again.config.manifest.splitting)


def test_ingest_and_layout_cut_their_manifests(ostia_file: Path, tmp_path: Path) -> None:
    write_repository(plan_ingest([ostia_file], tmp_path / "r", chunk_bytes=400_000))
    write_layout(plan_layout(tmp_path / "r", access="series", chunk_bytes=400_000))
    splitting = str(open_repository(tmp_path / "r").config.manifest.splitting)
    for group in ("maps", "series"):
        assert f"^/{group}/surface_temperature$" in splitting


def test_chunks_lie_in_several_manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ostia_file: Path) -> None:
    def manifests(url: Path) -> int:
        write_repository(plan_ingest([ostia_file], url, chunk_bytes=400_000))
        return len(list((url / "manifests").iterdir()))

    whole = manifests(tmp_path / "whole")
    monkeypatch.setattr("oceandata.storage.manifests._REFERENCES", 2)
    assert manifests(tmp_path / "cut") > whole + 1
