"""What may be kept of what was said: the request, the answer and an error's words, redacted.

Invariants: pure but for a memory of summaries; nothing leaves unredacted but in mode ``none``; a document stays below
``LIMIT`` bytes or so, whatever came in. A client sends a conversation whole with each turn: the turns before the last
answer are one line each (role, kinds of blocks, size, keyed hash), what is new is kept in its shape.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from audit.naming import client_of, named
from audit.redaction import describe, redact
from audit.scan import mask_cut
from audit.wording import known_words

LIMIT: Final = 64 * 1024
"""Bytes of a document that are kept, about."""
LARGEST: Final = 16 * 1024 * 1024
"""A larger request is kept as its size alone."""
MAX_MEMORY: Final = 20_000
MAX_MESSAGES: Final = 200
MAX_WORDS, MAX_HEADER = 2000, 500
# Headers that are kept, with the values that are the protocol's own.
_OWN_HEADER: Final = {
    "anthropic-version": re.compile(r"\d{4}-\d\d-\d\d"),
    "anthropic-beta": re.compile(r"[a-z0-9-]{1,60}-\d{4}-\d\d-\d\d(?:,[ ]?[a-z0-9-]{1,60}-\d{4}-\d\d-\d\d){0,29}"),
    "content-type": re.compile(r"application/json(?:; ?charset=[a-zA-Z0-9-]{1,20})?"),
    "x-app": re.compile(r"cli(?:-bg)?"),
}
HEADERS: Final = frozenset((*_OWN_HEADER, "user-agent"))

Document = dict[str, Any]
Keep = Literal["parts", "hash", "size"]
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raws = msgspec.json.Decoder(list[msgspec.Raw])


class _Block(msgspec.Struct):
    type: str = "text"


class _Message(msgspec.Struct):
    role: str = ""
    content: list[_Block] | str = ""


class _Tool(msgspec.Struct):
    name: str = ""


_message = msgspec.json.Decoder(_Message)
_tools = msgspec.json.Decoder(list[_Tool])


class Redactor:
    """``mode``: full, partial or none; ``key`` is the installation's secret, for the hashes."""

    def __init__(self, mode: str, key: bytes) -> None:
        self.mode = mode
        self._key = hashlib.sha256(b"audit/content/" + key).digest()
        self._keyed = hashlib.sha256(self._key)
        self._memory: OrderedDict[tuple[int, int], str] = OrderedDict()

    def request(self, body: bytes, headers: Mapping[str, str], *, keep: Keep = "parts") -> Document:
        """What may be kept of a request's body (JSON as the client sent it) and of its headers. Of a body that was not
        understood nobody knows what its parts are: ``keep`` its hash."""
        masked: dict[str, int] = {}
        document: Document = {"bytes": len(body), "headers": self._headers(headers, masked)}
        if body and keep == "parts" and len(body) <= LARGEST:
            try:
                fields = _fields.decode(body)
                document["body"] = kept = {}
                for name, raw in sorted(fields.items())[:50]:
                    kept.update(self._field(name, raw, masked))
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                masked.clear()
        if body and keep != "size" and "body" not in document:
            document["hash"] = self._hash(body).hex()
        if masked:
            document["masked"] = masked
        return document

    def answer(self, content: list[dict[str, Any]]) -> Document:
        """What may be kept of an answer's blocks."""
        masked: dict[str, int] = {}
        kept: list[Any] = []
        size = 0
        for block in content:
            if size > LIMIT:
                kept.append(f"and {len(content) - len(kept)} more")
                break
            redacted = self._redacted(block, masked)
            size += len(msgspec.json.encode(redacted))
            kept.append(redacted)
        return {"content": kept, **({"masked": masked} if masked else {})}

    def words(self, text: str, masked: dict[str, int] | None = None) -> str:
        """An error's words; in mode ``full`` only those that error messages are made of. ``masked`` counts by rule. Never
        raises."""
        if self.mode == "none":
            return _writable(text[:MAX_WORDS])
        if self.mode == "partial":
            with contextlib.suppress(Exception):  # what cannot be masked is told as in ``full``
                told, found = mask_cut(text, MAX_WORDS)
                _add(masked if masked is not None else {}, found)
                return _writable(told)
        return known_words(text[:MAX_WORDS])

    # -- parts ----------------------------------------------------------------------------------------

    def _headers(self, headers: Mapping[str, str], masked: dict[str, int]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name in sorted(HEADERS & headers.keys()):
            kept[name], found = _header(name, headers[name], self.mode, self._key)
            _add(masked, found)
        return kept

    def _field(self, name: str, raw: msgspec.Raw, masked: dict[str, int]) -> dict[str, Any]:
        """A field of the body; a name that is not the protocol's own is content, too."""
        if name == "messages":
            return {name: self._messages(raw, masked)}
        if name == "tools":
            return {name: self._remembered(raw, self._tool_line)}
        if name == "system" and self.mode == "full":
            return {name: self._remembered(raw, lambda data: "system")}
        value = msgspec.json.decode(raw) if len(memoryview(raw)) <= LIMIT else self._remembered(raw, lambda data: "cut")
        redacted: dict[str, Any] = self._redacted({name: value}, masked)
        return redacted

    def _messages(self, raw: msgspec.Raw, masked: dict[str, int]) -> list[Any]:
        messages = _raws.decode(raw)
        lines: list[Any] = [self._remembered(one, _message_line) for one in messages[-MAX_MESSAGES:]]
        left = LIMIT
        for at in range(len(lines) - 1, -1, -1):
            one = bytes(messages[at - len(lines)])
            left -= len(one)
            # In full mode the shape of what is new is enough: earlier turns have rows of their own.
            if left < 0 or (self.mode == "full" and lines[at].startswith("assistant")):
                break
            lines[at] = self._redacted(msgspec.json.decode(one), masked)
        more = len(messages) - len(lines)
        return [f"{more} earlier messages", *lines] if more > 0 else lines

    def _redacted(self, value: Any, masked: dict[str, int]) -> Any:
        redacted, found = redact(value, self.mode, self._key)
        _add(masked, found)
        return redacted

    def _hash(self, data: bytes) -> bytes:
        state = self._keyed.copy()
        state.update(data)
        return state.digest()[:8]

    def _remembered(self, raw: msgspec.Raw, line: Any) -> str:
        """A line about ``raw``: what ``line`` says, its size and its keyed hash."""
        data = bytes(raw)
        # Python's own hash, which has a key for each process, tells what was seen before in a third of the time.
        known = (hash(data), len(data))
        found = self._memory.get(known)
        if found is None:
            found = f"{line(data)}, {len(data)} bytes, {self._hash(data).hex()[:12]}"
            self._memory[known] = found
            if len(self._memory) > MAX_MEMORY:
                self._memory.popitem(last=False)
        return found

    def _tool_line(self, data: bytes) -> str:
        try:
            names = [tool.name for tool in _tools.decode(data)]
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return "tools"
        shown = [named(name[:128], self._key) for name in names[:100]]
        return f"{len(names)} tool{'s' if len(names) != 1 else ''}: {' '.join(shown)}"


@lru_cache(512)
def _header(name: str, text: str, mode: str, key: bytes) -> tuple[str, Mapping[str, int]]:
    """What is kept of a header, and what was masked in it; in mode ``full`` only what is the protocol's own."""
    if mode == "none":
        return text[:MAX_HEADER], {}
    if mode == "partial":
        with contextlib.suppress(Exception):  # what cannot be masked is told as in ``full``
            return mask_cut(text, MAX_HEADER)
    if name == "user-agent":
        return "/".join(filter(None, client_of(text))), {}
    return (text if _OWN_HEADER[name].fullmatch(text) else describe(text, key)), {}


def _message_line(data: bytes) -> str:
    try:
        message = _message.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "message"
    role = message.role if message.role in ("user", "assistant", "system") else "message"
    if isinstance(message.content, str):
        return f"{role}: text"
    kinds: dict[str, int] = {}
    for block in message.content[:1000]:
        kind = block.type if block.type.replace("_", "").isalpha() and len(block.type) < 40 else "block"
        kinds[kind] = kinds.get(kind, 0) + 1
    return f"{role}: " + ", ".join(kind if number == 1 else f"{number} {kind}" for kind, number in kinds.items())


def _writable(text: str) -> str:
    """``text`` without what no database takes: NUL, and halves of characters."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


def _add(sums: dict[str, int], more: Mapping[str, int]) -> None:
    for rule, number in more.items():
        sums[rule] = sums.get(rule, 0) + number
