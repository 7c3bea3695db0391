"""Plans: what is told before a byte is copied."""

import pytest

from oceandata.errors import CorruptionError, InputError, NotFoundError, RepositoryExistsError
from oceandata.trade.delivery import plan_delivery, read_grant
from tests.trade.delivery.conftest import entitlement


def _plan(product, target, *, scope=None, limits=None, **asked):
    grant = read_grant(entitlement(scope=scope or {}, limits=limits or {}), product=product)
    return plan_delivery(grant, target, **asked)


def test_what_a_plan_tells(product, tmp_path):
    plan = _plan(product, tmp_path / "package", bbox=(-20, -5, 20, 5), time="2009")
    told = plan.to_json()
    assert told["asked"] == {"bbox": [-20, -5, 20, 5], "time": "2009"}
    assert told["cells"] == {"time": [[33, 45]], "latitude": [[0, 18]], "longitude": [[0, 25], [408, 432]]}
    assert plan.chunks == 12
    assert plan.stored_bytes > 0
    assert "whole chunks, proven" in str(plan)
    assert "12 stored chunks" in plan._repr_html_()
    assert not list(tmp_path.iterdir())


def test_what_is_not_asked_for_is_as_wide_as_the_entitlement(product, tmp_path):
    scope = {"time": ["2008-12-16T12:00:00Z", "2010-03-17T00:00:00Z"], "variables": ["surface_temperature"]}
    plan = _plan(product, tmp_path / "package", scope=scope)
    assert plan.cells["time"] == ((32, 48),)
    assert plan.asked["variables"] == ["surface_temperature"]


def test_limits(product, tmp_path):
    plan = _plan(product, tmp_path / "package", time="2009")
    with pytest.raises(InputError, match=f"allows {plan.stored_bytes - 1:,}"):
        _plan(product, tmp_path / "package", time="2009", limits={"bytes": plan.stored_bytes - 1})
    assert _plan(product, tmp_path / "package", time="2009", limits={"bytes": plan.stored_bytes}).chunks


def test_another_content_root_than_the_published_one(product, tmp_path):
    revision = product.revisions[0].model_copy(update={"content_root": "sha256:" + "0" * 64})
    with pytest.raises(CorruptionError, match="was published with sha256:0000"):
        _plan(product.model_copy(update={"revisions": (revision,)}), tmp_path / "package")


def test_places_that_cannot_be_used(product, tmp_path):
    with pytest.raises(NotFoundError, match="does not exist"):
        _plan(product, tmp_path / "no" / "package")
    (tmp_path / "package").mkdir()
    with pytest.raises(RepositoryExistsError, match="exists already"):
        _plan(product, tmp_path / "package")
    with pytest.raises(NotFoundError):
        _plan(product, tmp_path / "other", repository=tmp_path / "nowhere")


def test_nothing_lies_there(product, tmp_path):
    with pytest.raises(NotFoundError, match="no time step"):
        _plan(product, tmp_path / "package", time="1999")
    with pytest.raises(NotFoundError, match="salinity"):
        _plan(product, tmp_path / "package", variables="salinity")
