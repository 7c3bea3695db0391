"""Who provides a product: names in two languages, and a social credit code whose check character is right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceandata.errors import DocumentError, InputError
from oceandata.trade.parties import Party, Words, check_uscc

# codes of companies that publish them
REAL = ("91350100M000100Y43", "91440300708461136T", "9144030071526726XG", "91330100799655058B", "91110108551385082Q")
LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@pytest.mark.parametrize("code", REAL)
def test_real_codes_pass(code: str) -> None:
    check_uscc(code)
    assert Party(en="x", uscc=code).uscc == code


@given(code=st.sampled_from(REAL), place=st.integers(0, 17), letter=st.sampled_from(LETTERS))
def test_one_mistyped_character_is_found(code: str, place: int, letter: str) -> None:
    wrong = code[:place] + letter + code[place + 1 :]
    if wrong != code:
        with pytest.raises(InputError, match="check character is"):
            check_uscc(wrong)


@given(code=st.sampled_from(REAL), place=st.integers(0, 15))
def test_two_characters_that_changed_places_are_found(code: str, place: int) -> None:
    wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    if wrong != code:
        with pytest.raises(InputError, match="check character is"):
            check_uscc(wrong)


@pytest.mark.parametrize(
    ("code", "words"),
    [("9135010", "has 7 characters, need 18"), ("91350100M000100Y4I", "has the character 'I'"), ("9" * 19, "has 19")],
)
def test_other_forms_are_refused(code: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        Party.from_json({"en": "x", "uscc": code})


def test_a_text_is_said_in_the_language_or_in_the_other() -> None:
    assert Words(en="sea", zh="海").said("zh") == "海"
    assert Words(en="sea").said("zh") == "sea"
    assert Words(zh="海").said("en") == "海"
