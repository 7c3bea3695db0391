"""Product documents: what is sold, by whom, under which licence, and which state of the data each revision pins."""

import os
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import Field, StringConstraints, model_validator

from oceandata.documents import Document
from oceandata.entities import TradeLink
from oceandata.errors import DocumentError, NotFoundError
from oceandata.storage import RevisionSummary

__all__ = ["Product", "ProductRevision", "Words", "draft_revision", "load_product", "write_product"]

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


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


class ProductRevision(Document):
    """
    An immutable state of a product.

    Attributes
    ----------
    number : int
        1, 2, 3 and so on.
    repository, group, tag, snapshot, content_root : str
        The pinned data.
    stored_bytes, chunks : int
        Their size.
    change : str
        What is new.
    """

    number: int = Field(ge=1)
    repository: Text
    group: Text
    tag: Text
    snapshot: Text
    content_root: Text
    stored_bytes: int = Field(ge=0)
    chunks: int = Field(ge=0)
    change: str = ""


class Product(Document):
    """
    What the exchange sells.

    Attributes
    ----------
    id : str
        Identifier of the product.
    title, summary, attribution : Words
        In English and Chinese.
    provider : Words
        Who provides it.
    licence : str
        SPDX expression.
    record_unit : str
        What one record is: a daily grid, a profile, a value.
    entry : str
        Name in the catalogue.
    revisions : tuple of ProductRevision
        In order of their numbers.
    example : bool
        True for a product that no exchange lists.
    listing_url : str
        Page on the exchange that a person has read; never made up.
    """

    id: Text
    title: Words
    summary: Words | None = None
    provider: Words
    licence: Text
    attribution: Words
    record_unit: Text
    entry: Text
    revisions: tuple[ProductRevision, ...] = ()
    example: bool = False
    listing_url: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        numbers = [revision.number for revision in self.revisions]
        if numbers != list(range(1, len(numbers) + 1)):
            msg = f"revisions are numbered {numbers}, need 1, 2, 3 and so on"
            raise ValueError(msg)
        if self.example and self.listing_url:
            msg = f"an example product has no listing, but listing_url is {self.listing_url!r}"
            raise ValueError(msg)
        return self

    @property
    def link(self) -> TradeLink:
        """Link for the catalogue's entry, to the newest revision; a `DocumentError` if there is none."""
        number = len(self.revisions)
        if not number:
            msg = f"product {self.id!r} has no revision to link to. Pin one first with draft_revision()."
            raise DocumentError(msg)
        return TradeLink(product=self.id, revision=number, example=self.example, listing_url=self.listing_url)


def draft_revision(product: Product, summary: RevisionSummary, *, change: str = "") -> Product:
    """
    Product with one more revision, pinned to what was written.

    Parameters
    ----------
    product : Product
        As it was.
    summary : RevisionSummary
        The state of the data.
    change : str
        What is new.

    Returns
    -------
    Product
        A new document; the old one is unchanged.
    """
    revision = ProductRevision(
        number=len(product.revisions) + 1,
        repository=summary.url,
        group=summary.group,
        tag=summary.revision,
        snapshot=summary.snapshot,
        content_root=summary.content_root,
        stored_bytes=summary.stored_bytes,
        chunks=summary.chunks,
        change=change,
    )
    return product.model_copy(update={"revisions": (*product.revisions, revision)})


def load_product(path: str | os.PathLike[str]) -> Product:
    """
    Read a product document.

    Parameters
    ----------
    path : path
        A YAML file.

    Returns
    -------
    Product
        The validated document.

    Raises
    ------
    NotFoundError
        If there is no such file.
    DocumentError
        If it is no YAML, or has faults; all are listed.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"there is no product document {path}."
        raise NotFoundError(msg)
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f"{path} is no YAML: {error}"
        raise DocumentError(msg) from error
    if not isinstance(document, dict):
        msg = f"{path} holds {type(document).__name__}, need the fields of a product."
        raise DocumentError(msg)
    return Product.from_json(document, where=str(path))


def write_product(product: Product, path: str | os.PathLike[str]) -> None:
    """
    Write a product document, whole or not at all.

    Parameters
    ----------
    product : Product
        The document.
    path : path
        Where; an existing file is replaced.
    """
    path = Path(path)
    text = yaml.safe_dump(product.to_json(), allow_unicode=True, sort_keys=False, width=110)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
