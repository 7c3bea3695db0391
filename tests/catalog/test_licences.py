"""Licence expressions."""

import pytest

from oceandata.catalog.licences import licence_identifiers, unknown_licences


@pytest.mark.parametrize(
    ("expression", "unknown"),
    [
        ("CC-BY-4.0", ()),
        ("LicenseRef-OGL-UK", ()),
        ("(CC-BY-4.0 OR MIT) AND LicenseRef-Ours.2", ()),
        ("OGL-UK", ("OGL-UK",)),
        ("cc-by-4.0", ("cc-by-4.0",)),
        ("LicenseRef-", ("LicenseRef-",)),
        ("freely available", ("freely", "available")),
    ],
)
def test_unknown_licences(expression: str, unknown: tuple[str, ...]) -> None:
    assert unknown_licences(expression) == unknown


def test_operators_are_not_identifiers() -> None:
    assert licence_identifiers("A AND (B OR C WITH D)") == ("A", "B", "C", "D")
