"""Reasoning carried across turns without a store: the seal in a thinking block's signature.

A reasoning item of the upstream (id, encrypted content, summary) travels to the client as the ``signature``
of a thinking block and comes back with the history. Nothing is kept on the server.

Invariants: ``open_seal(seal(...))`` gives back the very item; a string that we did not make opens to None
and never raises; a seal names the model family and the upstream credential that made it, because encrypted
content can be read by neither another family nor another organisation.

Source: OpenAI's reasoning guide on stateless use (``store: false`` with ``reasoning.encrypted_content``) and
its error texts for orphaned items, as recorded.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

PREFIX = "oai1."
Kind = Literal["reasoning", "commentary"]


class _Envelope(msgspec.Struct, omit_defaults=True):
    id: str = ""
    enc: str = ""
    sum: list[str] = msgspec.field(default_factory=list)
    fam: str = ""
    up: str = ""
    kind: str = "reasoning"


_decoder = msgspec.json.Decoder(_Envelope)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a signature held. ``texts``: summary parts, or the one text of a commentary message."""

    kind: str
    id: str
    encrypted: str
    texts: tuple[str, ...]
    family: str
    upstream: str

    def item(self) -> dict[str, Any]:
        """The input item that stands for it: a reasoning item, complete."""
        return {
            "type": "reasoning",
            "id": self.id,
            "summary": [{"type": "summary_text", "text": text} for text in self.texts],
            "encrypted_content": self.encrypted,
        }


def seal(
    *, item_id: str, encrypted: str, texts: list[str], family: str, upstream: str, kind: Kind = "reasoning"
) -> str:
    """The signature for a reasoning item (or, with ``kind``, for a commentary message)."""
    envelope = _Envelope(id=item_id, enc=encrypted, sum=texts, fam=family, up=upstream, kind=kind)
    packed = base64.urlsafe_b64encode(msgspec.json.encode(envelope))
    return PREFIX + packed.rstrip(b"=").decode("ascii")


def open_seal(signature: str) -> Sealed | None:
    """The inverse of ``seal``; None for a foreign, damaged or empty signature."""
    if not signature.startswith(PREFIX):
        return None
    packed = signature[len(PREFIX) :]
    try:
        raw = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
        envelope = _decoder.decode(raw)
    except (binascii.Error, msgspec.DecodeError, UnicodeError, ValueError, RecursionError):
        return None
    if envelope.kind == "reasoning" and not (envelope.id.startswith("rs_") and envelope.enc):
        return None
    return Sealed(envelope.kind, envelope.id, envelope.enc, tuple(envelope.sum), envelope.fam, envelope.up)
