"""Every way a catalogue file can be wrong, or hostile, is refused with its line."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from oceandata.catalog import open_catalog
from oceandata.catalog.loader import read_catalog
from oceandata.errors import DocumentError, NotFoundError

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def sound(ostia_catalog: Path) -> dict[str, Any]:
    return yaml.safe_load(ostia_catalog.read_text("utf-8"))


def _entry(document: dict[str, Any]) -> dict[str, Any]:
    return document["entries"]["ostia_sst_monthly"]


def _document(document: dict[str, Any]) -> dict[str, Any]:
    return _entry(document)["metadata"]["entry"]


def test_the_written_file_opens(ostia_catalog: Path) -> None:
    catalog = open_catalog(str(ostia_catalog))
    assert list(catalog) == ["ostia_sst_monthly"]


CHANGES: dict[str, tuple[Change, str]] = {
    "version": (lambda d: d.update(version=1), "version is 1, need 2"),
    "top key missing": (lambda d: d.pop("user_parameters"), "the file lacks 'user_parameters'"),
    "top key unknown": (lambda d: d.update(sources={}), "unknown key 'sources'"),
    "data section": (lambda d: d.update(data={"x": {}}), "data has content"),
    "parameters": (lambda d: d.update(user_parameters={"x": {}}), "user_parameters has content"),
    "entries a list": (lambda d: d.update(entries=[]), "entries is [], need a mapping"),
    "alias to nothing": (lambda d: d["aliases"].update(sst="ostia"), "alias 'sst' stands for 'ostia', no entry"),
    "alias reserved": (lambda d: d["aliases"].update(search="ostia_sst_monthly"), "alias 'search' cannot be used"),
    "not among aliases": (lambda d: d["aliases"].clear(), "is not among the aliases"),
    "reader is code": (lambda d: _entry(d).update(reader="os:system"), "need 'oceandata.readers:OceanZarr'"),
    "reader is a pipeline": (
        lambda d: _entry(d).update(reader="intake.readers.convert:Pipeline"),
        "need 'oceandata.readers:OceanZarr'",
    ),
    "argument unknown": (lambda d: _entry(d)["kwargs"].update(chunk={}), "kwargs has 'chunk'"),
    "argument of another repository": (lambda d: _entry(d)["kwargs"].update(url="/x"), "kwargs.url is '/x', but"),
    "argument missing": (lambda d: _entry(d)["kwargs"].pop("revision"), "kwargs.revision is None, but"),
    "output": (lambda d: _entry(d).update(output_instance="pandas:DataFrame"), "need 'xarray:Dataset'"),
    "entry key missing": (lambda d: _entry(d).pop("output_instance"), "lacks 'output_instance'"),
    "parameters of entry": (
        lambda d: _entry(d).update(user_parameters={"a": {"cls": "os:system"}}),
        "user_parameters has content",
    ),
    "other metadata": (lambda d: _entry(d)["metadata"].update(plot=1), "metadata has 'plot'"),
    "no document": (lambda d: _entry(d)["metadata"].clear(), "lacks 'entry'"),
    "other id": (lambda d: _document(d).update(id="other"), "but the entry is called"),
    "no licence": (lambda d: _document(d).pop("license"), "license: Field required"),
    "field unknown": (lambda d: _document(d).update(tittle="x"), "tittle: unknown key 'tittle'. Close: 'title'"),
    "box upside down": (
        lambda d: _document(d)["extent"].update(bbox=[0, 5, 1, -5]),
        "need -90 <= south <= north <= 90",
    ),
    "jinja": (lambda d: _document(d).update(summary="{{ env(HOME) }}"), "holds a template"),
    "environment": (lambda d: _document(d).update(summary="{env(HOME)}"), "holds a template"),
    "function": (lambda d: d["metadata"].update(x="see {func(os:getcwd)}"), "holds a template"),
    "reference to data": (lambda d: _document(d).update(title="data(x)"), "holds a template"),
    "template in a URL": (lambda d: _entry(d)["kwargs"].update(url="{HOME}/x"), "braces are accepted only"),
    "template in an argument": (lambda d: _entry(d)["kwargs"].update(group="{CATALOG_DIR}/x"), "braces are accepted"),
    "template in the origin": (
        lambda d: _entry(d)["kwargs"]["origin"].update(product="{CATALOG_DIR}"),
        "origin.product is '{CATALOG_DIR}': braces are accepted only",
    ),
    "origin of another product": (
        lambda d: _entry(d)["kwargs"]["origin"].update(product="ANOTHER"),
        "but the entry says",
    ),
    "template in an asset": (
        lambda d: _document(d)["assets"]["maps"].update(href="/x/{CATALOG_DIR}"),
        "braces are accepted only",
    ),
    "secret by name": (lambda d: _entry(d)["kwargs"].update(secret_access_key="x"), "looks like a secret"),
    "secret in metadata": (lambda d: d["metadata"].update(api_key="x"), "looks like a secret"),
    "secret in a URL": (lambda d: d["metadata"].update(x="https://me:word@host/x"), "looks like a secret"),
    "secret by value": (lambda d: d["metadata"].update(x="key AKIA0123456789ABCDEF"), "looks like a secret"),
    "signed URL": (lambda d: d["metadata"].update(x="https://h/x?a=1&X-Amz-Signature=0f"), "looks like a secret"),
}


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_a_fault_is_refused(tmp_path: Path, sound: dict[str, Any], change: Change, words: str) -> None:
    document = copy.deepcopy(sound)
    change(document)
    path = tmp_path / "changed.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
    with pytest.raises(DocumentError) as caught:
        open_catalog(path)
    assert words in str(caught.value)


def test_all_faults_come_at_once_with_their_lines(tmp_path: Path, ostia_catalog: Path) -> None:
    lines = ostia_catalog.read_text("utf-8").splitlines()
    faulty = {}
    for number, line in enumerate(lines, 1):
        for old, new in (
            ("version: 2", "version: 3"),
            ("    reader: oceandata.readers:OceanZarr", "    reader: subprocess:run"),
            ("        license: LicenseRef-OGL-UK", "        license: ''"),
            ("            nbytes: 1679616", "            nbytes: -1"),
        ):
            if line == old:
                lines[number - 1] = new
                faulty[number] = new.split()[0]
    assert len(faulty) == 4
    path = tmp_path / "faulty.yaml"
    path.write_text("\n".join(lines), "utf-8")
    _, faults = read_catalog(path)
    assert [fault.line for fault in faults] == sorted(faulty)
    with pytest.raises(DocumentError, match="has 4 faults"):
        open_catalog(path)


def test_nothing_runs_when_a_hostile_file_is_opened(tmp_path: Path, sound: dict[str, Any]) -> None:
    """The attack that Intake 2 lets through: a pipeline of functions in the arguments of a reader."""
    trap = tmp_path / "ran"
    _entry(sound)["reader"] = "intake.readers.convert:Pipeline"
    _entry(sound)["kwargs"] = {"steps": [["{func(pathlib:Path.touch)}", [str(trap)], {}]]}
    path = tmp_path / "hostile.yaml"
    path.write_text(yaml.safe_dump(sound), "utf-8")
    with pytest.raises(DocumentError, match="cannot name other code"):
        open_catalog(path)
    assert not trap.exists()


def test_a_file_that_is_not_there_names_the_nearest(tmp_path: Path, ostia_catalog: Path) -> None:
    with pytest.raises(NotFoundError, match=r"Close: 'sst\.yaml'"):
        open_catalog(tmp_path / "ssst.yaml")
    with pytest.raises(NotFoundError, match="is a folder"):
        open_catalog(tmp_path)
    with pytest.raises(NotFoundError, match="does not exist"):
        open_catalog(tmp_path / "nowhere" / "sst.yaml")


@pytest.mark.parametrize(
    "text", ["", "- a\n", "null\n", "entries: {a: 1}\n", "version: 2\nentries: {a: {kwargs: 1}}\n"]
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(text)
    with pytest.raises(DocumentError):
        open_catalog(path)


def test_the_catalogue_that_ships_opens() -> None:
    from importlib.resources import as_file, files

    with as_file(files("oceandata._catalogs") / "oceandata.yaml") as path:
        assert open_catalog(path).metadata["title"] == "oceandata"
