"""Texts in two languages, and who stands behind a product."""

from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from oceandata.documents import Document
from oceandata.errors import InputError

__all__ = ["Party", "Words", "check_uscc"]

# GB 32100-2015: digits and capitals without I, O, S, V and Z; weights of the first seventeen are powers of 3 modulo 31.
_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LENGTH = 18


def check_uscc(code: str) -> None:
    """
    Check a unified social credit code (统一社会信用代码), its check character included.

    Parameters
    ----------
    code : str
        Eighteen digits and capital letters.

    Raises
    ------
    InputError
        If it has another length, a letter that the standard does not use, or the wrong check character.

    References
    ----------
    GB 32100-2015, section 4 and annex A.

    Examples
    --------
    >>> check_uscc("91350100M000100Y43")
    """
    if len(code) != _LENGTH:
        msg = f"uscc {code!r} has {len(code)} characters, need {_LENGTH}"
        raise InputError(msg)
    foreign = [letter for letter in code if letter not in _CHARACTERS]
    if foreign:
        msg = f"uscc {code!r} has the character {foreign[0]!r}, need digits and capitals without I, O, S, V, Z"
        raise InputError(msg)
    total = sum(_CHARACTERS.index(letter) * pow(3, place, 31) for place, letter in enumerate(code[:-1]))
    need = _CHARACTERS[-total % 31]
    if code[-1] != need:
        msg = f"uscc {code!r} ends in {code[-1]!r}, but its check character is {need!r}: a character is mistyped"
        raise InputError(msg)


def _checked(code: str) -> str:
    if code:
        check_uscc(code)
    return code


class Words(Document):
    """A text in English and Chinese; at least one of them."""

    en: str = ""
    zh: str = ""

    @model_validator(mode="after")
    def _said(self) -> Self:
        if not (self.en or self.zh):
            msg = "the text is empty, need en or zh"
            raise ValueError(msg)
        return self

    def said(self, language: str) -> str:
        """
        Text in a language, or in the other one where it is missing.

        Parameters
        ----------
        language : {"en", "zh"}
            The language that is preferred.

        Returns
        -------
        str
            Never empty.
        """
        return (self.zh or self.en) if language == "zh" else (self.en or self.zh)


class Party(Words):
    """
    A provider, by name in English and Chinese.

    Attributes
    ----------
    uscc : str
        Unified social credit code (GB 32100-2015); empty if unknown, or if the party is not registered in China.
    contact : str
        Where to ask.
    """

    uscc: Annotated[str, AfterValidator(_checked)] = ""
    contact: str = ""
