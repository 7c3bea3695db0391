"""What is curated wins and is never lost; what is scanned is never invented."""

import dataclasses
from pathlib import Path

import pytest

from oceandata.catalog import Overlay, draft_entry, gaps, load_overlay, overlay_of, overlay_template
from oceandata.entities import Entry
from oceandata.errors import DocumentError, InputError, NotFoundError, SchemaMismatch
from oceandata.storage.revisions import RevisionSummary


def test_the_demonstration_entry(ostia: Entry, ostia_summary: RevisionSummary) -> None:
    assert ostia.title_zh == "月平均海表温度（OSTIA，热带海域）"
    assert ostia.license == "LicenseRef-OGL-UK"
    assert "Open Government Licence" in ostia.attribution
    variable = ostia.variables["surface_temperature"]
    assert (variable.standard_name, variable.canonical_name) == ("surface_temperature", "sea_surface_temperature")
    assert (variable.units, variable.shape, variable.long_name_zh) == ("K", (54, 18, 432), "海表温度")
    assert ostia.extent == ostia_summary.extent
    assert [str(end.date()) for end in ostia.extent.time or ()] == ["2006-04-16", "2010-09-16"]
    assert ostia.derived_from == ostia_summary.sources
    assert ostia.trade is not None
    assert ostia.trade.status == "example, not listed on any exchange"
    assert gaps(ostia) == []
    assert Entry.from_json(ostia.to_json()) == ostia


def test_curated_wins_over_scanned_and_scanned_fills_the_rest(ostia_summary: RevisionSummary) -> None:
    attributes = {
        "title": "scanned title",
        "summary": "scanned summary",
        "license": "CC-BY-4.0",
        "keywords": "sea, ice ,",
        "institution": "Some Institute",
        "history": "made",
        "acknowledgement": "thank us",
    }
    summary = dataclasses.replace(ostia_summary, attributes=attributes)
    entry = draft_entry(summary, Overlay(title="curated title", license="CC0-1.0"), name="x")
    assert (entry.title, entry.license) == ("curated title", "CC0-1.0")
    assert (entry.summary, entry.attribution, entry.history) == ("scanned summary", "thank us", "made")
    assert entry.keywords == ("sea", "ice")
    assert [provider.name for provider in entry.providers] == ["Some Institute"]
    assert draft_entry(summary, Overlay(), name="x").license == "CC-BY-4.0"


def test_every_curated_field_reaches_the_entry(ostia_summary: RevisionSummary, overlay: Overlay) -> None:
    attributes = dict.fromkeys((*Overlay.model_fields, "institution", "acknowledgement"), "scanned")
    entry = draft_entry(dataclasses.replace(ostia_summary, attributes=attributes), overlay, name="x")
    for field in Overlay.model_fields:
        if field != "variables":
            assert getattr(overlay, field), f"the overlay that ships does not fill {field}"
            assert getattr(entry, field) == getattr(overlay, field)
    for name, curated in overlay.variables.items():
        assert curated.to_json().items() <= entry.variables[name].to_json().items()


def test_all_that_is_missing_is_said_at_once(ostia_summary: RevisionSummary) -> None:
    overlay = Overlay.from_json({"variables": {"surface_temprature": {"long_name": "x"}}})
    with pytest.raises(DocumentError) as caught:
        draft_entry(ostia_summary, overlay, name="x")
    message = str(caught.value)
    assert "Fill 'title' of the overlay" in message
    assert "Fill 'license' of the overlay" in message
    assert "Close: 'surface_temperature'" in message


def test_a_licence_in_free_words_is_no_licence(ostia_summary: RevisionSummary) -> None:
    summary = dataclasses.replace(ostia_summary, attributes={"title": "t", "license": "freely available"})
    with pytest.raises(DocumentError, match="'freely available', no SPDX expression"):
        draft_entry(summary, Overlay(), name="x")


def test_layouts(ostia_summary: RevisionSummary, overlay: Overlay) -> None:
    series = dataclasses.replace(ostia_summary, group="series", access="series", chunks=8)
    entry = draft_entry(ostia_summary, overlay, name="x", href="s3://b/x", layouts=[series])
    assert {name: (asset.access, asset.chunks, asset.href) for name, asset in entry.assets.items()} == {
        "maps": ("maps", 54, "s3://b/x"),
        "series": ("series", 8, "s3://b/x"),
    }
    with pytest.raises(InputError, match="given twice"):
        draft_entry(ostia_summary, overlay, name="x", layouts=[ostia_summary])
    with pytest.raises(SchemaMismatch, match="revision 'r2', need 'r1'"):
        draft_entry(ostia_summary, overlay, name="x", layouts=[dataclasses.replace(series, revision="r2")])
    with pytest.raises(SchemaMismatch, match="differ in variables: surface_temperature"):
        draft_entry(ostia_summary, overlay, name="x", layouts=[dataclasses.replace(series, variables={})])


def test_an_impossible_name_is_refused(ostia_summary: RevisionSummary, overlay: Overlay) -> None:
    with pytest.raises(DocumentError, match="Intake catalogues use themselves"):
        draft_entry(ostia_summary, overlay, name="search")


def test_overlay_faults_have_lines(tmp_path: Path) -> None:
    path = tmp_path / "overlay.yaml"
    path.write_text("title: x\nlisense: MIT\nproviders:\n- name: y\n  roles: [seller]\n")
    with pytest.raises(DocumentError) as caught:
        load_overlay(path)
    message = str(caught.value)
    assert f"{path}:2: lisense" in message
    assert f"{path}:5: providers.0.roles.0" in message
    path.write_text("[]")
    with pytest.raises(DocumentError, match="need a mapping of fields"):
        load_overlay(path)
    with pytest.raises(NotFoundError, match=r"Close: 'overlay\.yaml'"):
        load_overlay(tmp_path / "overlya.yaml")


def test_an_unknown_key_names_the_nearest_of_its_own_document() -> None:
    overlay = {
        "titel": "x",
        "variables": {"title": {"canonicl_name": "x"}},
        "providers": [{"name": "x", "rols": []}],
    }
    with pytest.raises(DocumentError) as caught:
        Overlay.from_json(overlay)
    assert str(caught.value).splitlines() == [
        "Overlay has 3 faults:",
        "  providers.0.rols: unknown key 'rols'. Close: 'roles'",
        "  variables.title.canonicl_name: unknown key 'canonicl_name'. Close: 'canonical_name', 'long_name'",
        "  titel: unknown key 'titel'. Close: 'title', 'title_zh'",
    ]


def test_the_template_names_every_field_and_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "overlay.yaml"
    path.write_text(overlay_template(), encoding="utf-8")
    assert load_overlay(path) == Overlay()
    lines = overlay_template().splitlines()
    for field in Overlay.model_fields:
        (number,) = [number for number, line in enumerate(lines) if line.startswith(f"{field}:")]
        assert lines[number - 1].startswith("# ")


def test_the_overlay_of_an_entry_drafts_it_again(ostia: Entry, ostia_summary: RevisionSummary) -> None:
    bare = dataclasses.replace(ostia_summary, attributes={})
    again = draft_entry(bare, overlay_of(ostia), name=ostia.id, trade=ostia.trade)
    assert again.model_copy(update={"history": ostia.history}) == ostia


def test_a_file_that_says_unknown_says_nothing(ostia_summary: RevisionSummary) -> None:
    summary = dataclasses.replace(ostia_summary, attributes={"acknowledgement": "unknown", "institution": "None"})
    entry = draft_entry(summary, Overlay(title="t", license="CC0-1.0"), name="x")
    assert (entry.attribution, entry.providers) == ("", ())


def test_gaps_name_what_is_owed(ostia: Entry) -> None:
    variable = ostia.variables["surface_temperature"].model_copy(
        update={"units": "", "standard_name": "", "canonical_name": "", "long_name_zh": ""}
    )
    poor = ostia.model_copy(
        update={"title_zh": "", "attribution": "", "license": "free", "variables": {"surface_temperature": variable}}
    )
    assert [sentence.split()[0] for sentence in gaps(poor)] == [
        "title_zh",
        "attribution",
        "license",
        *["variables.surface_temperature"] * 3,
    ]
