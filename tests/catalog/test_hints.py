"""What is told when nothing was found: the nearest word that an entry has."""

import pytest

from oceandata.catalog import Catalog
from oceandata.entities import Entry


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ({"text": "monthly temprature"}, "no entry has the word 'temprature'. Close: 'temperature'."),
        ({"text": "mothly"}, "no entry has the word 'mothly'. Close: 'monthly'."),
        ({"text": "海表温渡"}, "Close: '海表温度'."),
        ({"variable": "surface_temprature"}, "Close: 'temperature'."),
        ({"text": "pacfic"}, "Close: 'pacific'."),
        ({"text": "xxxxxxxx"}, "try fewer words"),
        ({"text": "monthly"}, "try fewer words"),
        ({}, "try fewer words"),
    ],
    ids=str,
)
def test_hints(ostia: Entry, asked: dict[str, str], hint: str) -> None:
    assert hint in Catalog({ostia.id: ostia}).hint(**asked)
