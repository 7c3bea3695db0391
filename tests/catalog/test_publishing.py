"""Only what is sound, decided on and public is published; the decision is kept."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from oceandata.catalog import decide, new_draft, open_catalog, publish_draft
from oceandata.catalog.drafts import Draft, read_draft
from oceandata.errors import DocumentError, InputError, NotFoundError

DECIDED = {"title": "Sea-surface temperature", "title_zh": "海表温度", "license": "LicenseRef-OGL-UK"}


@pytest.fixture
def draft(tmp_path: Path, ostia_repository: Path) -> Draft:
    """A repository beside a working catalogue, drafted, with everything decided but the grade."""
    shutil.copytree(ostia_repository, tmp_path / "sst")
    made = new_draft([tmp_path / "sst"], name="sst", catalog_path=tmp_path / "c.yaml")
    return decide(made.path, DECIDED)


def _publish(draft: Draft, **changes: Any) -> Any:
    given: dict[str, Any] = {"grade": "general", "decided_by": "Li Si", "to": draft.folder / "public.yaml"}
    return publish_draft("sst", catalog_path=draft.folder / "c.yaml", **(given | changes))


def test_a_sound_draft_is_published_and_opens(draft: Draft) -> None:
    entry = _publish(draft, note="No. 12")
    catalog = open_catalog(draft.folder / "public.yaml")
    assert catalog["sst"] == entry
    assert entry.assets["maps"].href == "{CATALOG_DIR}/sst"
    assert catalog.open("sst").sizes["time"] == 54
    assert entry.grade == "general"


def test_only_public_fields_go_out_and_the_decision_stays(draft: Draft) -> None:
    decide(
        draft.path, {"history": "made by li.si@example.org", "providers": "[{name: Met Office, url: http://10.0.0.7/}]"}
    )
    _publish(draft, note="No. 12")
    text = (draft.folder / "public.yaml").read_text("utf-8")
    for secret in ("li.si@example.org", "10.0.0.7", "Li Si", "No. 12", "ostia_monthly.nc", str(draft.folder)):
        assert secret not in text
    kept = read_draft(draft.path).entry
    assert kept is not None
    assert kept.grade == "general"
    assert kept.grade_decision is not None
    assert (kept.grade_decision.by, kept.grade_decision.note) == ("Li Si", "No. 12")
    assert kept.history == "made by li.si@example.org"
    assert read_draft(draft.path).marks == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"license": "NOASSERTION"}, "nobody knows what is allowed"),
        ({"license": "free"}, "no known SPDX identifier"),
        ({"title": ""}, "title: String should have at least 1 character"),
        ({"extent.depth_m": "[0, 900000]"}, "extent.depth_m is 0 to 900000 m"),
        ({"variables.surface_temperature.shape": "[54, 18, 433]"}, "but the data have (54, 18, 432)"),
        ({"variables.surface_temperature.units": "degC"}, "units is degC, but the data have K"),
        ({"summary": "ask li.si@example.org"}, "holds an e-mail address"),
        ({"summary": "see {{ env(HOME) }}"}, "holds a template"),
    ],
    ids=str,
)
def test_what_is_not_sound_is_refused(draft: Draft, changes: dict[str, str], words: str) -> None:
    decide(draft.path, changes)
    with pytest.raises(DocumentError) as caught:
        _publish(draft)
    assert words in str(caught.value)
    assert not (draft.folder / "public.yaml").exists()


def test_what_is_left_to_decide_is_refused_with_its_line(draft: Draft) -> None:
    draft.path.write_text(
        draft.path.read_text("utf-8").replace("title_zh:", "# decide: look again\ntitle_zh:"), "utf-8"
    )
    with pytest.raises(DocumentError, match=r"sst\.yaml:5: left to decide: look again"):
        _publish(draft)


def test_a_person_must_be_named(draft: Draft) -> None:
    with pytest.raises(InputError, match="nobody is named"):
        _publish(draft, decided_by=" ")


def test_a_core_dataset_is_published_by_a_recorded_decision(draft: Draft) -> None:
    assert _publish(draft, grade="core").grade == "core"
    kept = read_draft(draft.path).entry
    assert kept is not None
    assert kept.grade_decision is not None
    assert kept.grade == "core"


def test_internal_data_are_not_published(draft: Draft) -> None:
    other = draft.folder / "elsewhere"
    other.mkdir()
    with pytest.raises(DocumentError, match="each place of it is internal"):
        _publish(draft, to=other / "public.yaml")
    assert not (other / "public.yaml").exists()
    assert read_draft(draft.path).entry == draft.entry


def test_the_public_layout_goes_out_and_the_internal_one_stays(draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layout at the public address is not reached here: that is a warning, no refusal."""
    from oceandata.catalog import comparison
    from oceandata.catalog.contents import asset_contents
    from oceandata.entities import Asset
    from oceandata.errors import UnreachableError

    def described(asset: Asset, url: str) -> Any:
        if url.startswith("s3://"):
            msg = "no network"
            raise UnreachableError(msg)
        return asset_contents(asset, url)

    monkeypatch.setattr(comparison, "asset_contents", described)
    assert draft.entry is not None
    public = draft.entry.assets["maps"].to_json() | {"href": "s3://ocean/sst"}
    both = {"maps": draft.entry.assets["maps"].to_json(), "public": public}
    import json

    decide(draft.path, {"assets": json.dumps(both)})
    other = draft.folder / "elsewhere"
    other.mkdir()
    assert list(_publish(draft, to=other / "public.yaml").assets) == ["public"]


def test_publishing_again_needs_to_be_said(draft: Draft) -> None:
    _publish(draft)
    decide(draft.path, {"title": "Sea-surface temperature, corrected"})
    with pytest.raises(InputError, match="already"):
        _publish(draft)
    assert _publish(draft, replace=True).title.endswith("corrected")


def test_what_is_not_there(draft: Draft) -> None:
    with pytest.raises(NotFoundError, match="no draft"):
        publish_draft(
            "sss", catalog_path=draft.folder / "c.yaml", to=draft.folder / "p.yaml", grade="general", decided_by="Li Si"
        )
    with pytest.raises(InputError, match="does not exist"):
        _publish(draft, to=draft.folder / "nowhere" / "p.yaml")
