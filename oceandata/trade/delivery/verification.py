"""
The buyer's check of a package: offline, in one pass over the files, in memory that does not grow with them.

Nothing the package says is believed before it is shown: the files by the list, the list by the manifest, the manifest
by the signature of a key that the buyer pinned, and whole chunks by their audit paths up to the content root.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from oceandata.errors import DocumentError, InputError
from oceandata.storage.integrity import merkle_root
from oceandata.trade.delivery.chunk_proofs import ChunkProofs
from oceandata.trade.delivery.envelope import open_envelope, signed_message
from oceandata.trade.delivery.keys import KeyFile, is_signed_by, key_id
from oceandata.trade.delivery.manifest import (
    ENVELOPE_NAME,
    FILES_NAME,
    MANIFEST_NAME,
    SEALS,
    FileRecord,
    Manifest,
    delivered_leaf,
    manifest_from_bytes,
    read_records,
    read_seal,
    require_package,
)
from oceandata.trade.delivery.opening import check_labels
from oceandata.trade.delivery.reporting import DeliveryReport, Faults
from oceandata.trade.delivery.walking import check_path, file_digest, found_files

__all__ = ["verify_delivery"]

Progress = Callable[[int, int], None]

# What a selection can ask for.
_ASKED = frozenset({"bbox", "time", "depth", "variables"})


def _signature(
    folder: Path, content: bytes, manifest: Manifest, keys: KeyFile | None, faults: Faults
) -> tuple[str, str]:
    """Whether the manifest was signed by a pinned key or by the one that is packaged, and which key it was."""
    try:
        envelope = open_envelope(read_seal(folder, ENVELOPE_NAME))
    except DocumentError as error:
        faults.add(str(error))
        return "none", ""
    if envelope.payload != content:
        faults.add(f"{MANIFEST_NAME} is not what {ENVELOPE_NAME} signs")
        return "none", ""
    message = signed_message(content)
    if keys is None:
        packaged = manifest.signer
        signed = any(
            identifier == packaged.keyid == key_id(packaged.public) and is_signed_by(packaged.public, one, message)
            for identifier, one in envelope.signatures
        )
        if not signed:
            faults.add(f"the signature in {ENVELOPE_NAME} is not that of the key in the package")
        return ("packaged", packaged.keyid) if signed else ("none", "")
    refused = []
    for identifier, one in envelope.signatures:
        known = keys.find(identifier)
        if known is None:
            refused.append(f"it is signed by key {identifier}, which is not among the keys given")
        elif not is_signed_by(known.public, one, message):
            refused.append(f"the signature of key {identifier} is wrong")
        elif why := known.refusal(manifest.created):
            refused.append(why)
        else:
            return "pinned", known.id
    faults.add("; ".join(refused) or f"{ENVELOPE_NAME} has no signature")
    return "none", ""


def _records(folder: Path, manifest: Manifest, faults: Faults) -> Iterator[FileRecord]:
    """Lines of the list, if it is the one that was signed."""
    path, listed = folder / FILES_NAME, manifest.files
    if path.is_symlink() or not path.is_file():
        faults.add(f"{FILES_NAME} is missing")
        return
    sha256, nbytes = file_digest(path, limit=listed.bytes)
    if (sha256, nbytes) != (listed.sha256, listed.bytes):
        faults.add(f"{FILES_NAME} differs from what was signed, so no file can be judged")
        return
    with path.open("rb") as file:
        try:
            yield from read_records(file)
        except DocumentError as error:
            faults.add(f"{FILES_NAME}: {error}")


def _paired(
    records: Iterator[FileRecord], found: Iterator[tuple[str, str]]
) -> Iterator[tuple[FileRecord | None, str, str]]:
    """Lines of the list and files of the folder, both sorted, side by side; None and an empty name where one lacks."""
    record, file = next(records, None), next(found, None)
    while record is not None or file is not None:
        if file is None or (record is not None and record.path < file[0]):
            yield record, "", ""
            record = next(records, None)
        elif record is None or file[0] < record.path:
            yield None, *file
            file = next(found, None)
        else:
            yield record, *file
            record, file = next(records, None), next(found, None)


class _Pass:
    """One pass over the files of a package, side by side with their list."""

    def __init__(self, folder: Path, manifest: Manifest, faults: Faults, moved: Progress) -> None:
        self.folder, self.manifest, self.faults, self.moved = folder, manifest, faults, moved
        self.proofs = ChunkProofs(folder, manifest) if manifest.mode == "whole-chunk" else None
        self.files = self.nbytes = self.lines = self.chunks = self.chunks_absent = 0

    def run(self) -> None:
        """Read everything once."""
        for fault in self.proofs.begin() if self.proofs else ():
            self.faults.add(fault)
        found = (one for one in found_files(self.folder) if one[0] not in SEALS or one[1])
        root = "sha256:" + merkle_root(self._leaves(found)).hex()
        if not self.faults.count and root != self.manifest.delivered_root:
            self.faults.add(f"the files have the root {root}, but {self.manifest.delivered_root} was signed")
        for fault in self.proofs.end() if self.proofs and not self.faults.count else ():
            self.faults.add(fault)
        for fault in self._miscounted() if not self.faults.count else ():
            self.faults.add(fault)

    def _miscounted(self) -> Iterator[str]:
        """Numbers of the manifest that are not those of its files and its list."""
        counts = self.manifest.counts
        if (self.files, self.nbytes) != (counts.files, counts.bytes):
            yield (
                f"{self.files} files of {self.nbytes} bytes are there, but {counts.files} of {counts.bytes} bytes "
                "were signed"
            )
        if self.lines != self.manifest.files.lines:
            yield f"{FILES_NAME} has {self.lines} lines, but {self.manifest.files.lines} were signed"
        if (self.chunks, self.chunks_absent) != (counts.chunks, counts.chunks_absent):
            yield (
                f"{self.chunks} chunks are there and {self.chunks_absent} are not stored, but {counts.chunks} and "
                f"{counts.chunks_absent} were signed"
            )

    def _leaves(self, found: Iterator[tuple[str, str]]) -> Iterator[bytes]:
        """Leaf of each line of the list; what is wrong with its file is told on the way."""
        for record, path, odd in _paired(_records(self.folder, self.manifest, self.faults), found):
            if odd:
                self.faults.add(f"{path} {odd}")
            elif record is None:
                self.faults.add(f"{path} is not in the list of files: it was added")
            else:
                self._check(record, there=bool(path))
            if record is not None:
                self.lines += 1
                self.chunks += bool(record.leaf) and record.bytes is not None
                self.chunks_absent += bool(record.leaf) and record.bytes is None
                yield delivered_leaf(record)

    def _check(self, record: FileRecord, *, there: bool) -> None:
        """Check one line of the list, and the file it is of."""
        try:
            check_path(record.path)
        except InputError as error:
            self.faults.add(str(error))
            return
        if there and record.bytes is None:
            self.faults.add(f"{record.path} was added: this chunk is not stored")
        elif not there and record.bytes is not None:
            self.faults.add(f"{record.path} is missing")
        elif record.bytes is None or self._is_same(record):
            fault = self.proofs.check(record) if self.proofs else ""
            if fault:
                self.faults.add(f"{record.path} {fault}")

    def _is_same(self, record: FileRecord) -> bool:
        """Whether a file has the bytes that are listed."""
        try:
            sha256, nbytes = file_digest(self.folder / record.path, limit=record.bytes)
        except OSError as error:
            self.faults.add(f"{record.path} cannot be read ({error.strerror or error})")
            return False
        self.files, self.nbytes = self.files + 1, self.nbytes + nbytes
        self.moved(min(self.nbytes, self.manifest.counts.bytes), self.manifest.counts.bytes)
        if (sha256, nbytes) == (record.sha256, record.bytes):
            return True
        self.faults.differs(record, sha256, nbytes)
        return False


def verify_delivery(
    path: str | os.PathLike[str],
    *,
    keys: KeyFile | None = None,
    root: str = "",
    on_progress: Progress = lambda done, whole: None,  # noqa: ARG005
) -> DeliveryReport:
    """
    Check a package: signature, every file, nothing added or missing, and whole chunks up to the content root.

    Parameters
    ----------
    path : path
        The package.
    keys : KeyFile, optional
        Keys of the provider that the buyer trusts; without them the package can be intact, but who made it is unknown.
    root : str
        Content root of the revision as it was published; without it the root is the one that was signed.
    on_progress : callable
        Called with bytes read, and in all.

    Returns
    -------
    DeliveryReport
        What was and was not proved, in words; ``exit_code`` tells it in a number.

    Raises
    ------
    NotFoundError
        If there is no such folder.
    InputError
        If `root` is no content root.
    MissingExtraError
        If cryptography is not installed.

    Notes
    -----
    Reads every file once, in blocks of 1 MiB. Memory: the manifest, and the names in the largest folder.
    """
    folder = require_package(path)
    if root and not (root.startswith("sha256:") and len(root) == 71):
        msg = f"the content root is {root!r}, need 'sha256:' and 64 hexadecimal digits."
        raise InputError(msg)
    faults = Faults()
    try:
        content = read_seal(folder, MANIFEST_NAME)
        manifest = manifest_from_bytes(content)
    except DocumentError as error:
        faults.add(str(error))
        return DeliveryReport(str(folder), None, "none", faults.told(), faults.count, (), (), 0, 0)
    signature, signer = _signature(folder, content, manifest, keys, faults)
    if root and root != manifest.content_root:
        faults.add(f"the package is of the content root {manifest.content_root}, but {root} was published")
    unknown = sorted(manifest.selection.asked.keys() - _ASKED)
    if unknown:
        faults.add(f"the selection asks for {', '.join(unknown)}, which says nothing: need {', '.join(sorted(_ASKED))}")
    one = _Pass(folder, manifest, faults, on_progress)
    one.run()
    if manifest.mode == "whole-chunk" and signature == "pinned" and not faults.count:
        fault = check_labels(folder, manifest)
        if fault:
            faults.add(fault)
    proved, unproved = (
        _words(manifest, signature, signer, root) if not faults.count else ((), ("anything: see the faults",))
    )
    return DeliveryReport(
        str(folder), manifest, signature, faults.told(), faults.count, proved, unproved, one.files, one.nbytes, root
    )


def _words(manifest: Manifest, signature: str, signer: str, root: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was and what was not proved, of a package without faults."""
    counts, whole = manifest.counts, manifest.mode == "whole-chunk"
    proved = [f"all {counts.files} files are as they were signed; none is missing, none was added"]
    unproved = []
    if signature == "pinned":
        proved.append(f"key {signer}, which you trust, signed it: the provider says what it is")
    else:
        unproved.append("who signed it: only the key in the package is known; give the provider's key file (--key)")
    said = "the published content root" if root else "the content root that was signed"
    if whole:
        proved.append(f"each of {counts.chunks} chunks, and that {counts.chunks_absent} are not stored, up to {said}")
        proved.append(f"every chunk that meets the cells of the selection is there, of {_named(manifest)}")
        if signature == "pinned":
            proved.append(f"it opens, and the cells are those of what was asked for: {_asked(manifest)}")
    else:
        unproved.append(
            "that the values are those of the revision: the file was encoded anew, the signature attests it"
        )
        if root:
            unproved.append(f"that it is of {root}: nothing links a clipped package to a root, only whole chunks are")
    if not root:
        unproved.append(f"that {manifest.content_root} is the published root: compare it, or give it (--root)")
    return tuple(proved), (*unproved, "that the data are right, or fit for a purpose")


def _asked(manifest: Manifest) -> str:
    return ", ".join(f"{name} {value}" for name, value in manifest.selection.asked.items()) or "all of it"


def _named(manifest: Manifest) -> str:
    return ", ".join(manifest.selection.variables)
