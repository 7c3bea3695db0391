"""What a stranger's catalogue tries, and that nothing of it runs: each attack is refused at its line."""

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from oceandata.catalog import check_catalog, open_catalog
from oceandata.catalog.drafts import read_draft
from oceandata.entities import Entry
from oceandata.errors import DocumentError

NAME = "ostia_sst_monthly"
Attack = Callable[[dict[str, Any], Path], object]


@pytest.fixture
def sound(ostia_catalog: Path) -> dict[str, Any]:
    return yaml.safe_load(ostia_catalog.read_text("utf-8"))


def _entry(document: dict[str, Any]) -> dict[str, Any]:
    return document["entries"][NAME]


def _document(document: dict[str, Any]) -> dict[str, Any]:
    return _entry(document)["metadata"]["entry"]


def _place(href: str) -> Attack:
    """The same place in the entry and in the arguments of the reader, as a careful attacker writes it."""

    def change(document: dict[str, Any], trap: Path) -> None:
        _document(document)["assets"]["maps"]["href"] = href
        _entry(document)["kwargs"]["url"] = href

    return change


def _pipeline(document: dict[str, Any], trap: Path) -> None:
    _entry(document)["reader"] = "intake.readers.convert:Pipeline"
    _entry(document)["kwargs"] = {"steps": [["{func(pathlib:Path.touch)}", [str(trap)], {}]], "out_instances": []}


def _jinja(document: dict[str, Any], trap: Path) -> None:
    code = f"{{{{ cycler.__init__.__globals__.os.popen('touch {trap}').read() }}}}"
    _entry(document)["kwargs"]["url"] = code


def _version_1(document: dict[str, Any], trap: Path) -> None:
    document.clear()
    code = f"{{{{ cycler.__init__.__globals__.os.popen('touch {trap}').read() }}}}"
    document["sources"] = {NAME: {"driver": "zarr", "args": {"urlpath": code}}}


def _nested(document: dict[str, Any], trap: Path) -> None:
    _entry(document)["reader"] = "intake.readers.readers:YAMLCatalogReader"
    _entry(document)["kwargs"] = {"data": "{data(other)}"}
    document["data"] = {"other": {"datatype": "intake.readers.datatypes:CatalogFile", "kwargs": {"url": str(trap)}}}


ATTACKS: dict[str, tuple[Attack, str]] = {
    "jinja in an argument": (_jinja, "holds a template"),
    "a file of version 1": (_version_1, "unknown key 'sources'"),
    "a pipeline of functions": (_pipeline, "a catalogue cannot name other code"),
    "a nested catalogue": (_nested, "a catalogue cannot name other code"),
    "a driver": (lambda d, _: _entry(d).update(driver="os.system"), "unknown key 'driver'"),
    "another reader": (lambda d, _: _entry(d).update(reader="subprocess:run"), "cannot name other code"),
    "a reader that looks like ours": (
        lambda d, _: _entry(d).update(reader="oceandata.readers:OceanZarr.__init__"),
        "cannot name other code",
    ),
    "another output": (lambda d, _: _entry(d).update(output_instance="os:system"), "need 'xarray:Dataset'"),
    "a class of a parameter": (
        lambda d, _: _entry(d).update(user_parameters={"a": {"cls": "os:system"}}),
        "user_parameters has content",
    ),
    "parameters of the file": (
        lambda d, trap: d.update(user_parameters={"a": {"cls": "subprocess:Popen", "args": [f"touch {trap}"]}}),
        "user_parameters has content",
    ),
    "the environment, by Intake 2": (lambda d, _: _document(d).update(summary="{env(HOME)}"), "holds a template"),
    "the environment, by Jinja": (lambda d, _: _document(d).update(title="{{ env(HOME) }}"), "holds a template"),
    "the shell, by Jinja": (lambda d, _: d["metadata"].update(x="{{ shell(touch) }}"), "holds a template"),
    "a function": (lambda d, _: _document(d).update(citation="{func(os:getcwd)}"), "holds a template"),
    "an import": (lambda d, _: _document(d).update(history="{import(os)}"), "holds a template"),
    "a block of Jinja": (lambda d, _: _document(d).update(history="{% for x in y %}"), "holds a template"),
    "options of the catalogue": (
        lambda d, _: _entry(d)["kwargs"].update(storage_options="{STORAGE_OPTIONS}"),
        "which the reader does not take",
    ),
    "a key": (
        lambda d, _: _entry(d)["kwargs"].update(storage_options={"secret": "x"}),
        "looks like a secret",
    ),
    "a key by its form": (lambda d, _: d["metadata"].update(x="AKIA0123456789ABCDEF"), "looks like a secret"),
    "a password in a place": (_place("s3://me:word@bucket/x"), "looks like a secret"),
    "a user in a place": (_place("https://me@example.org/x"), "a user or password has no place"),
    "a signed place": (_place("https://example.org/x?X-Amz-Signature=0f"), "looks like a secret"),
    "a query": (_place("https://example.org/x?run=1"), "a query has no place"),
    "an unencrypted way": (_place("http://example.org/x"), "http:// serves this machine only"),
    "the address of a cloud's keys": (_place("http://169.254.169.254/latest"), "http:// serves this machine only"),
    "references with code": (_place("reference://x"), "the scheme 'reference' is not accepted"),
    "a chain of schemes": (_place("simplecache::s3://bucket/x"), "the scheme 'simplecache' is not accepted"),
    "a shell over ssh": (_place("ssh://example.org/x"), "the scheme 'ssh' is not accepted"),
    "memory": (_place("memory://x"), "the scheme 'memory' is not accepted"),
    "a database": (_place("sqlite:///x"), "the scheme 'sqlite' is not accepted"),
    "above the folder": (_place("{CATALOG_DIR}/../../etc"), "'..' leads out of the folder"),
    "above the folder, in the middle": (_place("{CATALOG_DIR}/a/../../b"), "'..' leads out of the folder"),
    "above the folder, by backslash": (_place("{CATALOG_DIR}/..\\..\\b"), "'..' leads out of the folder"),
    "a folder called by a template": (_place("{CATALOG_DIR}/{HOME}"), "braces are accepted only"),
    "files above the place": (
        lambda d, _: _document(d)["assets"]["maps"].update(type="application/x-netcdf", files=["../../x.nc"]),
        "files lie below href",
    ),
    "signs that steer a terminal": (
        lambda d, _: _document(d).update(title="x\x1b]0;owned\x07"),
        "holds a sign that steers a terminal",
    ),
    "text that runs backwards": (
        lambda d, _: _document(d).update(title="sst \u202eexe.tac"),
        "holds a sign that steers a terminal",
    ),
}


def _lines_of_change(before: str, after: str) -> set[int]:
    """Lines of a text that another does not have, and those near them."""
    known = set(before.splitlines())
    changed = {number for number, line in enumerate(after.splitlines(), 1) if line not in known}
    return {near for number in changed for near in range(number - 2, number + 2)}


@pytest.mark.parametrize(("attack", "words"), ATTACKS.values(), ids=ATTACKS)
def test_an_attack_is_refused_at_its_line_and_nothing_runs(
    tmp_path: Path, sound: dict[str, Any], attack: Attack, words: str
) -> None:
    trap = tmp_path / "ran"
    document = copy.deepcopy(sound)
    attack(document, trap)
    before, after = (yaml.safe_dump(one, allow_unicode=True, sort_keys=False) for one in (sound, document))
    path = tmp_path / "hostile.yaml"
    path.write_text(after, "utf-8")
    with pytest.raises(DocumentError, match=r"hostile\.yaml:\d+: "):
        open_catalog(path)
    faults = [fault for fault in check_catalog(path, level=3) if words in fault.message]
    assert faults
    assert all(fault.severity == "error" for fault in faults)
    assert {fault.line for fault in faults} & _lines_of_change(before, after)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x: !!python/object/apply:os.system ['touch TRAP']", "tags are not accepted"),
        ("x: !!python/object/new:subprocess.Popen [['touch', 'TRAP']]", "tags are not accepted"),
        ("x: !include TRAP", "tags are not accepted"),
        ("x: &a [1, 2]", "anchors and aliases are not accepted"),
        ("x: {<<: *a}", "anchors and aliases are not accepted"),
        ("x: " + "[" * 5000, "nested deeper"),
        ("version: 3", "key 'version' stands twice"),
        ('x: "\\x1b[2J"', "holds a sign that steers a terminal"),
    ],
)
def test_yaml_that_would_run_or_grow_is_refused(tmp_path: Path, ostia_catalog: Path, line: str, words: str) -> None:
    trap = tmp_path / "ran"
    rows = ostia_catalog.read_text("utf-8").splitlines()
    number = rows.index("metadata: {}")
    rows[number : number + 1] = ["metadata:", f"  {line.replace('TRAP', str(trap))}"]
    if line.startswith("version"):
        rows[number : number + 2] = ["metadata: {}", line]
    path = tmp_path / "hostile.yaml"
    path.write_text("\n".join(rows), "utf-8")
    faults = [fault for fault in check_catalog(path) if words in fault.message]
    assert [fault.line for fault in faults] == [number + 2]
    with pytest.raises(DocumentError):
        open_catalog(path)
    assert not trap.exists()


def test_a_bomb_of_anchors_is_refused_before_it_grows(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(rows), "utf-8")
    assert [(fault.line, "anchors" in fault.message) for fault in check_catalog(path)] == [(1, True)]


def test_a_symbolic_link_does_not_lead_out_of_the_folder(tmp_path: Path, sound: dict[str, Any]) -> None:
    private, folder = tmp_path / "private", tmp_path / "given"
    (private / "sst").mkdir(parents=True)
    folder.mkdir()
    (folder / "link").symlink_to(private)
    (folder / "inside").mkdir()
    (folder / "near").symlink_to(folder / "inside")
    (folder / "loop").symlink_to(folder / "loop")
    path = folder / "c.yaml"
    expected = {
        "link": "leads out",
        "link/sst": "leads out",
        "near/sst": "",
        "inside": "",
        "not there": "",
        "loop/x": "links lead nowhere",
    }
    for name, words in expected.items():
        document = copy.deepcopy(sound)
        _place(f"{{CATALOG_DIR}}/{name}")(document, tmp_path)
        path.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
        found = [fault.message for fault in check_catalog(path, level=1)]
        assert bool(found) == bool(words), name
        assert all(words in message for message in found), name


def test_what_is_not_safe_is_not_opened(tmp_path: Path, sound: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """At level 3 a file with one hostile entry opens nothing, not even its other entries."""
    from oceandata.catalog import comparison

    opened: list[str] = []
    monkeypatch.setattr(comparison, "asset_contents", lambda _, url: opened.append(url))
    _place("{CATALOG_DIR}/../x")(sound, tmp_path)
    path = tmp_path / "hostile.yaml"
    path.write_text(yaml.safe_dump(sound, allow_unicode=True), "utf-8")
    assert check_catalog(path, level=3)
    assert not opened


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": "{{ env(HOME) }}"}, "holds a template"),
        ({"history": "key AKIA0123456789ABCDEF"}, "looks like a secret"),
        ({"assets": {"maps": {"href": "ssh://h/x", "type": "application/vnd+zarr"}}}, "scheme 'ssh'"),
        ({"assets": {"maps": {"href": "{CATALOG_DIR}/../x", "type": "application/vnd+zarr"}}}, "'..' leads out"),
    ],
)
def test_drafts_are_read_as_strictly(tmp_path: Path, ostia: Entry, change: dict[str, Any], words: str) -> None:
    path = tmp_path / "drafts" / f"{NAME}.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(ostia.to_json() | change, allow_unicode=True), "utf-8")
    faults = [fault for fault in read_draft(path).faults if words in fault.message]
    assert faults
    assert faults[0].line > 1 or "title" in change


def test_the_environment_is_not_read(tmp_path: Path, sound: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that only looks like a variable stays as it is."""
    monkeypatch.setenv("OCEAN_SECRET_PLACE", "known only here")
    _document(sound)["summary"] = "$OCEAN_SECRET_PLACE ${OCEAN_SECRET_PLACE} %OCEAN_SECRET_PLACE%"
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(sound, allow_unicode=True), "utf-8")
    assert open_catalog(path)[NAME].summary == "$OCEAN_SECRET_PLACE ${OCEAN_SECRET_PLACE} %OCEAN_SECRET_PLACE%"
    assert os.environ["OCEAN_SECRET_PLACE"] not in repr(open_catalog(path)[NAME])
