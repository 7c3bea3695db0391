"""Commands on files and repositories."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oceandata.catalog import open_catalog
from oceandata.storage import describe_revision

Run = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).parents[2]
OVERLAY = ROOT / "catalogs" / "overlays" / "ostia_sst_monthly.yaml"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """What a download leaves behind when the file was not there."""
    path = tmp_path / "page.nc"
    path.write_text("<!DOCTYPE html><html><body>404 Not Found</body></html>")
    return path


def test_inspect_a_sound_file(run: Run, ostia_file: Path) -> None:
    done = run("inspect", ostia_file, "--deep")
    assert (done.returncode, done.stdout) == (0, "1 files, 1 without any finding\n")


def test_inspect_tells_what_is_wrong(run: Run, ostia_file: Path, page: Path) -> None:
    done = run("inspect", ostia_file, page)
    assert done.returncode == 1
    assert "2 files, 1 without any finding" in done.stdout
    assert "HTML" in done.stdout
    documents = json.loads(run("inspect", ostia_file, page, "--json").stdout)
    assert [bool(one["findings"]) for one in documents] == [False, True]


def test_inspect_strictly(run: Run, ostia_file: Path, tmp_path: Path) -> None:
    import netCDF4

    path = Path(shutil.copy(ostia_file, tmp_path / "unsorted.nc"))
    with netCDF4.Dataset(path, "a") as file:
        file["latitude"][3] = 80.0
    (report,) = json.loads(run("inspect", path, "--json").stdout)
    assert {finding["severity"] for finding in report["findings"]} == {"warning"}
    assert run("inspect", path).returncode == 0
    assert run("inspect", path, "--strict").returncode == 1


def test_a_dry_run_writes_nothing(run: Run, ostia_file: Path, tmp_path: Path) -> None:
    done = run("ingest", ostia_file, "--into", "new", "--dry-run", "--chunk-bytes", 400_000)
    assert done.returncode == 0
    assert "nothing was written" in done.stdout
    assert "(11, 18, 432)" in done.stdout
    plan = json.loads(run("ingest", ostia_file, "--into", "new", "--dry-run", "--json").stdout)
    assert plan["url"] == str(tmp_path / "new")
    assert {array["name"]: array["shape"] for array in plan["arrays"]}["surface_temperature"] == [54, 18, 432]
    assert list(tmp_path.iterdir()) == []


def test_ingest_and_verify(run: Run, ostia_file: Path) -> None:
    written = json.loads(run("ingest", ostia_file, "--into", "new", "--chunk-bytes", 400_000, "--json").stdout)
    summary = describe_revision("new")
    assert written["content root"] == summary.content_root
    assert (written["revision"], written["chunks"]) == ("r1", 5)
    done = run("verify", "new")
    assert done.returncode == 0
    assert done.stdout.endswith(" r1 read: sound\n")
    report = json.loads(run("verify", "new", "--json", "--sample", 3).stdout)
    assert report["is_sound"]
    assert report["checked"] < report["chunks"]


def test_ingest_of_chosen_variables(run: Run, ostia_file: Path) -> None:
    done = run("ingest", ostia_file, "--into", "new", "--variables", " surface_temperature , ", "--access", "series")
    assert done.returncode == 0
    assert describe_revision("new").group == "series"


def test_verify_names_the_damage(run: Run, ostia_repository: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(ostia_repository, tmp_path / "copy"))
    path = max((copy / "chunks").iterdir(), key=lambda one: one.stat().st_size)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    done = run("verify", copy)
    assert done.returncode == 1
    assert "damaged: maps/surface_temperature/c/" in done.stdout
    assert "read: DAMAGED" in done.stdout
    assert "content root" not in done.stdout
    report = json.loads(run("verify", copy, "--json").stdout)
    assert report["damages"][0]["variable"] == "surface_temperature"
    assert report["recomputed_root"] is None


def test_verify_of_an_export(run: Run, ostia_repository: Path, tmp_path: Path) -> None:
    root = describe_revision(ostia_repository).content_root
    assert run("export", ostia_repository, "sst.zarr").returncode == 0
    done = run("verify", "sst.zarr", "--root", root)
    assert (done.returncode, done.stdout.endswith(", sound\n")) == (0, True)
    unnamed = run("verify", "sst.zarr")
    assert unnamed.returncode == 2
    assert "need --root sha256:" in unnamed.stderr
    assert run("verify", "sst.zarr", "--root", "sha256:1").returncode == 2
    assert run("verify", "sst.zarr", "--root", root, "--sample", 3).returncode == 2
    assert run("verify", ostia_repository, "--root", root).returncode == 2
    path = tmp_path / "sst.zarr" / "surface_temperature" / "c" / "2" / "0" / "0"
    path.write_bytes(b"x" + path.read_bytes()[1:])
    damaged = run("verify", "sst.zarr", "--root", root, "--json")
    assert damaged.returncode == 1
    assert json.loads(damaged.stdout)["is_sound"] is False


def test_verify_counts_data_and_coordinates_apart(run: Run, ostia_repository: Path) -> None:
    done = run("verify", ostia_repository, "--sample", 5)
    assert done.stdout == f"2 of 5 data chunks and 8 of 8 coordinate chunks of {ostia_repository} r1 read: sound\n"


def test_verify_and_history_name_a_lost_tag(run: Run, ostia_repository: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(ostia_repository, tmp_path / "copy"))
    (copy / "refs" / "tag.r1" / "ref.json").write_bytes(b"")
    history = run("history", copy)
    assert history.stderr.startswith("warning: refs/tag.r1/ref.json of ")
    done = run("verify", copy)
    assert done.returncode == 1
    assert "damaged: refs/tag.r1/ref.json: cannot be read" in done.stdout


def _registering(ostia_file: Path, **changes: object) -> list[object]:
    options: dict[str, object] = {
        "into": "new",
        "entry": "sst",
        "catalog": "catalog.yaml",
        "overlay": OVERLAY,
    } | changes
    return ["ingest", ostia_file, *(word for name, value in options.items() for word in (f"--{name}", value) if value)]


def test_ingest_and_register(run: Run, ostia_file: Path, tmp_path: Path) -> None:
    done = run(*_registering(ostia_file))
    assert done.returncode == 0, done.stderr
    assert "sst in catalog.yaml" in done.stdout
    ds = open_catalog(tmp_path / "catalog.yaml").open("sst")
    assert ds.attrs["title_zh"].startswith("月平均海表温度")


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"overlay": None}, 2, "needs all of --entry NAME, --catalog FILE and --overlay FILE"),
        ({"entry": None}, 2, "needs all of"),
        ({"entry": "SST daily"}, 1, "the entry's name is 'SST daily', need lower case"),
        ({"overlay": "none.yaml"}, 1, "none.yaml"),
        ({"catalog": "none/catalog.yaml"}, 1, "folder none of the catalogue does not exist"),
        ({"catalog": "broken.yaml"}, 1, "broken.yaml"),
    ],
    ids=["no overlay", "no name", "bad name", "missing overlay", "missing folder", "broken catalogue"],
)
def test_what_cannot_be_registered_is_refused_before_a_byte_is_written(
    run: Run, ostia_file: Path, tmp_path: Path, changes: dict[str, object], code: int, words: str
) -> None:
    (tmp_path / "broken.yaml").write_text("version: 3\n")
    done = run(*_registering(ostia_file, **changes))
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["broken.yaml"]


def test_the_same_command_registers_what_was_written_but_not_registered(
    run: Run, ostia_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the two: the help promises that the same command continues."""
    from oceandata import catalog

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(catalog, "register_entry", killed)
        assert run(*_registering(ostia_file)).returncode == 130
    first = describe_revision("new").snapshot
    done = run(*_registering(ostia_file))
    assert done.returncode == 0, done.stderr
    assert describe_revision("new").snapshot == first
    assert list(open_catalog("catalog.yaml")) == ["sst"]
    assert run(*_registering(ostia_file)).returncode == 0
    other = run(*_registering(ostia_file, entry="other"), "--chunk-bytes", 100_000)
    assert other.returncode == 1
    assert "holds a dataset already" in other.stderr


def test_abandon(run: Run, ostia_repository: Path) -> None:
    done = run("ingest", "--abandon", "--into", ostia_repository)
    assert (done.returncode, done.stdout) == (0, "abandoned: nothing was unfinished\n")
    assert run("ingest", "--abandon", "--into", "none").returncode == 1
