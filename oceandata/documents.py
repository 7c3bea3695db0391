"""The base of every document: frozen, strict, one error for all faults, and the types its fields share."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    model_serializer,
)

from oceandata.errors import DocumentError, closest

__all__ = ["Document", "Identifier", "Instant", "Text", "fault_message"]

#: What a field holds that says nothing.
_EMPTY: tuple[Any, ...] = ([], {}, (), "")

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=120)]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


def _utc(instant: datetime) -> datetime:
    """Instant in UTC; one without a zone is UTC already."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


Instant = Annotated[datetime, AfterValidator(_utc)]


class Document(BaseModel):
    """Base of every document: frozen, no unknown keys, one error that lists all faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    @classmethod
    def from_json(cls, document: dict[str, Any], *, where: str = "") -> Self:
        """
        Document from its JSON form.

        Parameters
        ----------
        document : dict
            The JSON object.
        where : str
            What to call the document in an error: a file, an entry.

        Returns
        -------
        Document
            The validated document.

        Raises
        ------
        DocumentError
            If anything is wrong; every fault is listed.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            faults = [
                f"  {'.'.join(map(str, fault['loc'])) or '(document)'}: {fault_message(cls, fault)}"
                for fault in error.errors()
            ]
            count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
            msg = "\n".join([f"{where or cls.__name__} has {count}:", *faults])
            raise DocumentError(msg) from error

    def to_json(self) -> dict[str, Any]:
        """
        JSON form; optional fields that say nothing (None, empty) are left out.

        Returns
        -------
        dict
            Only JSON types; ``from_json`` of it gives an equal document.
        """
        return self.model_dump(mode="json")

    @model_serializer(mode="wrap")
    def _pruned(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Fields without the optional ones that say nothing, in this document and in those inside it."""
        fields = type(self).model_fields.items()
        # An empty tuple is the shape of a scalar where None is the default: only what the default says is left out.
        silent = {
            field.serialization_alias or name: (None, *_EMPTY)
            if field.get_default(call_default_factory=True) in _EMPTY
            else (None,)
            for name, field in fields
            if not field.is_required()
        }
        return {key: value for key, value in serialize(self).items() if value not in silent.get(key, ())}


def _document_in(annotation: Any) -> "type[Document] | None":
    """First kind of document that a field may hold, itself or in a container."""
    if isinstance(annotation, type) and issubclass(annotation, Document):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _document_in(inner)) is not None), None)


def fault_message(model: type[Document], fault: Mapping[str, Any]) -> str:
    """
    What is wrong at one place of a document; for an unknown key also the nearest fields there are.

    Parameters
    ----------
    model : type of Document
        What the document should have been.
    fault : mapping
        One of ``errors()`` of the `pydantic.ValidationError`.

    Returns
    -------
    str
        One or two sentences, without a full stop at the end.
    """
    if fault["type"] != "extra_forbidden":
        return str(fault["msg"]).removeprefix("Value error, ")
    *place, key = fault["loc"]
    for part in place:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        model = (_document_in(field.annotation) if field else None) or model
    near = closest(str(key), list(model.model_fields))
    return f"unknown key {key!r}. {near}".rstrip(". ")
