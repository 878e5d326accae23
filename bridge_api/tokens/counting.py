"""The input tokens that the upstream bills for a Responses request, counted without asking it.

Why: count_tokens must answer at once, offline and for free, and message_start carries an estimate.

Invariants: pure over the request and the means that are handed in; nothing a request holds makes it raise (one
that the upstream would refuse still has a count); the same request always has the same count with the same means;
each text, picture, file and list of functions goes through ``remember`` with its kind, so that a caller may keep
counts by content, and every text that is encoded through ``encode_len``, so that one may bound the work; a count with
a part that could only be judged by its length is ``Rough``.

A request is billed as the text that the model reads: messages in frames, functions as TypeScript, an output
schema as JSON, calls and outputs in frames of their own. The frames are in ``families``, the rendering is in
``functions``, pictures are in ``media``. Derivation and accuracy: docs/token-counting.md.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, NamedTuple

import msgspec

from bridge_api.tokens import media, reasoning
from bridge_api.tokens.families import Family, family_of
from bridge_api.tokens.functions import given, recipient, render_calls, render_functions, render_output_schema

EncodeLen = Callable[[str], int]
Remember = Callable[[str, str | bytes | None, Callable[[], int]], int]


class Rough(int):
    """A count of which a part was judged by its length."""


class Pages(NamedTuple):
    """The pages of a PDF that were read, and how many it has. Those that were not read are taken for repetitions of
    those that were, so that the count stays in proportion."""

    read: Sequence[str]
    total: int


NO_PAGES = Pages((), 0)
PdfPages = Callable[[str], Pages]

REFERENCED_FILE = 1_000
"""A file that is not in the request (by id or URL): its size is not known here; see ``unknowable``."""
PACKED_FILE = 45
"""A file that is neither text nor PDF (docx, xlsx): small samples cost 39 to 51."""
TABLE_SUMMARY = 32
"""What the upstream adds to a table (csv) about its rows and columns."""
UNREAD_PDF = 60
"""Bytes of a PDF for each token when its text cannot be read."""
# The pages of a PDF are announced by a marker. It was absent in bills of October 2025 to February 2026 and is
# there since June 2026; the day between is not known.
_UNMARKED = (date(2025, 5, 1), date(2026, 4, 15))
_MARKER = "<PARSED TEXT FOR PAGE: {at} / {of}>"
_CUSTOM_TOOL, _CUSTOM_GRAMMAR = 37, 69
_IMAGE_GENERATION = 342
_HOSTED_CALL = 20


def _always(kind: str, content: str | bytes | None, work: Callable[[], int]) -> int:
    return work()


def _no_pages(file_data: str) -> Pages:
    return NO_PAGES


def _not_seen(encrypted: str) -> int | None:
    return None


@dataclass(frozen=True, slots=True)
class Means:
    """What a count needs from outside.

    encode_len  tokens of a text
    remember    ``(kind, content, work)``: the result of ``work``, which may be kept by kind and content; without
                content it cannot be kept
    pdf_pages   the pages of a base64 PDF; none when it cannot be read
    seen        what an answer that was seen tells (``answers``): by the ciphertext of a reasoning item its tokens,
                by the id of a call what it costs more
    on          the day of the bill, for rules that have changed; None is today's
    """

    encode_len: EncodeLen
    remember: Remember = _always
    pdf_pages: PdfPages = _no_pages
    seen: Callable[[str], int | None] = _not_seen
    on: date | None = None


def count(payload: dict[str, Any], means: Means | EncodeLen) -> int:
    """The input tokens of ``payload``, a Responses request body; ``Rough`` where that is an estimate."""
    found = means if isinstance(means, Means) else Means(means)
    return _Count(payload, found).total()


def unknowable(payload: dict[str, Any]) -> bool:
    """Whether ``payload`` holds what only the upstream can count: files by id or URL, pictures by URL or id,
    hosted tools, stored conversations."""
    if payload.get("previous_response_id") or payload.get("conversation") or payload.get("prompt"):
        return True
    if any(tool.get("type") not in ("function", "custom") for tool in _dicts(payload.get("tools"))):
        return True
    return any(_is_beyond(item) for item in _dicts(payload.get("input")))


def _is_beyond(item: dict[str, Any]) -> bool:
    if item.get("type") in ("item_reference", "compaction"):
        return True
    for parts in (item.get("content"), item.get("output")):
        if isinstance(parts, list) and any(_is_elsewhere(part) for part in parts if isinstance(part, dict)):
            return True
    return False


def _is_elsewhere(part: dict[str, Any]) -> bool:
    """Whether a part only names what it is about."""
    kind = part.get("type")
    if kind == "input_image":
        return not _text(part.get("image_url")).startswith("data:")
    return kind == "input_file" and not part.get("file_data")


class _Count:
    def __init__(self, payload: dict[str, Any], means: Means) -> None:
        self._payload = payload
        self._means = means
        self._model = _text(payload.get("model"))
        self._family: Family = family_of(self._model)
        self._rough = False

    def total(self) -> int:
        items = self._payload.get("input")
        total = self._family.request + self._tools() + self._format()
        if _text(self._payload.get("instructions")):
            total += self._family.message + self._length(_text(self._payload.get("instructions")))
        if isinstance(items, str):
            total += self._family.message + self._length(items)
        else:
            total += self._items(list(_dicts(items)))
        return Rough(total) if self._rough else total

    def _length(self, text: str) -> int:
        if not text:
            return 0
        return self._means.remember("text", text, lambda: self._means.encode_len(text))

    # -- items --------------------------------------------------------------------------------------------

    def _items(self, items: list[dict[str, Any]]) -> int:
        last_user = max((at for at, item in enumerate(items) if item.get("role") == "user"), default=-1)
        total, run = 0, list[dict[str, Any]]()
        for at, item in enumerate(items):
            kind = item.get("type") or "message"
            if kind in ("function_call", "custom_tool_call"):
                run.append(item)
                continue
            total += self._calls(run)
            run = []
            if kind != "reasoning":
                total += self._item(kind, item)
            elif self._family.keeps_reasoning or at > last_user:
                total += self._reasoning(_text(item.get("encrypted_content")))
        return total + self._calls(run)

    def _item(self, kind: str, item: dict[str, Any]) -> int:
        if kind == "message":
            return self._family.message + self._channel(item) + self._content(item.get("content"))
        if kind in ("function_call_output", "custom_tool_call_output"):
            return self._content(item.get("output"))
        if kind in ("item_reference", "compaction"):
            return self._reasoning(_text(item.get("encrypted_content")))
        self._rough = True
        shown = item.get("action") if kind == "web_search_call" else item
        return _HOSTED_CALL + self._length(_compact(shown or {}))

    def _channel(self, message: dict[str, Any]) -> int:
        """What the channel of the assistant costs, which only its messages have."""
        if message.get("role") != "assistant":
            return 0
        return self._family.assistant + (self._family.commentary if message.get("phase") == "commentary" else 0)

    def _calls(self, run: list[dict[str, Any]]) -> int:
        """Neighbouring calls and the frames of their outputs, whose author is the function.

        The upstream writes the name as ``functions.name``, which is one token more than the name where the
        dot does not merge with it.
        """
        if not run:
            return 0
        family = self._family
        if len(run) == 1 or not family.bundles:
            frames = (family.call + family.result) * len(run)
            return frames + (self._as_written(run[0]) if len(run) == 1 else 0) + sum(map(self._call, run))
        bundle = sum(map(self._length, render_calls(run))) + 1
        return family.call + bundle + sum(family.result + self._length(recipient(call)) for call in run)

    def _as_written(self, call: dict[str, Any]) -> int:
        """What a call costs more that the server knows by its id, and so reads as the model wrote it."""
        known = _text(call.get("id"))
        if not known.startswith("fc_") or self._payload.get("store") is False:
            return 0
        seen = self._means.seen(known)
        return self._family.sampled if seen is None else seen

    def _call(self, call: dict[str, Any]) -> int:
        """The texts of a call: its arguments, and its name there and as the author of the output."""
        name, arguments, encode_len = recipient(call), given(call), self._means.encode_len
        return self._means.remember("call", f"{name} {arguments}", lambda: 2 * encode_len(name) + encode_len(arguments))

    def _reasoning(self, encrypted: str) -> int:
        seen = self._means.seen(encrypted) if encrypted else None
        if seen is not None:
            return seen
        self._rough = True
        return reasoning.estimate(encrypted, self._family)

    def _content(self, content: Any) -> int:
        """A text, or parts: neighbouring texts are read as one."""
        if isinstance(content, str):
            return self._length(content)
        if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict):
            alone = content[0].get("text")
            if isinstance(alone, str):
                return self._length(alone)
        # A file beside other parts stands in a message of its own.
        file_frame = self._family.message if isinstance(content, list) and len(content) > 1 else 0
        total, texts = 0, list[str]()
        for part in _dicts(content):
            text = part.get("text", part.get("refusal"))
            if isinstance(text, str):
                texts.append(text)
                continue
            total += self._length("".join(texts)) + self._part(part)
            total += file_frame if part.get("type") == "input_file" else 0
            texts = []
        return total + self._length("".join(texts))

    def _part(self, part: dict[str, Any]) -> int:
        if part.get("type") in ("input_image", "computer_screenshot"):
            size = self._size(_text(part.get("image_url"))) or media.COMMON_SIZE
            return media.image_tokens(self._model, size, _text(part.get("detail")) or "auto")
        if part.get("type") == "input_file":
            return self._file(_text(part.get("file_data")))
        return 0

    def _size(self, url: str) -> media.Size | None:
        """Remembered by as much of the picture as is read for it."""
        if not url.startswith("data:"):
            return None
        for kind, length in (("picture", media.HEAD), ("long picture", media.LONG_HEAD)):
            head = url[:length]
            wide, high = divmod(self._means.remember(kind, head, partial(_packed_size, head)), 1 << 32)
            if wide or high:
                return wide, high
            if len(head) < length:
                break
        return None

    def _file(self, data: str) -> int:
        if not data:
            self._rough = True
            return REFERENCED_FILE
        marked = self._means.on is None or not _UNMARKED[0] <= self._means.on < _UNMARKED[1]
        found = self._means.remember(f"file {marked}", data, lambda: self._file_text(data, marked))
        self._rough |= isinstance(found, Rough)
        return found

    def _file_text(self, data: str, marked: bool) -> int:
        head, _, encoded = data.rpartition(",")
        measure = self._means.encode_len
        if _is_pdf(head, encoded):
            pages = self._means.pdf_pages(encoded)
            if not pages.read:
                return Rough(len(encoded) * 3 // 4 // UNREAD_PDF)
            return self._pages(pages) + (self._markers(pages.total) if marked else 0)
        if head.startswith("data:text/") or "json" in head or "/xml;" in head:
            return measure(_decoded(encoded)) + (TABLE_SUMMARY if "/csv" in head else 0)
        return Rough(PACKED_FILE)

    def _pages(self, pages: Pages) -> int:
        """Pages with the same text are encoded once."""
        lengths = {text: self._means.encode_len(text) for text in dict.fromkeys(pages.read)}
        each = [lengths[text] for text in pages.read]
        times, more = divmod(pages.total, len(each))
        return sum(each) * times + sum(each[:more])

    def _markers(self, total: int) -> int:
        """Numbers of as many digits are as many tokens."""
        length, first = 0, 1
        while first <= total:
            those = min(total, first * 10 - 1) - first + 1
            length += those * self._means.encode_len(_MARKER.format(at=first, of=total))
            first *= 10
        return length

    # -- tools and formats --------------------------------------------------------------------------------

    def _tools(self) -> int:
        tools = list(_dicts(self._payload.get("tools")))
        functions = [tool for tool in tools if tool.get("type") == "function" and tool.get("defer_loading") is not True]
        total = self._functions(functions, alone=len(tools) == 1) if functions else 0
        for kind in {_text(tool.get("type")).removesuffix("_preview") for tool in tools}:
            if kind.startswith("web_search"):
                total += self._family.web_search
            elif kind == "image_generation":
                total += _IMAGE_GENERATION
        for tool in tools:
            if tool.get("type") == "custom":
                form = tool.get("format")
                grammar = _text(form.get("definition")) if isinstance(form, dict) else ""
                total += _CUSTOM_GRAMMAR + self._length(grammar) if grammar else _CUSTOM_TOOL
                total += self._length(_text(tool.get("name"))) + self._length(_text(tool.get("description")))
        return total

    def _functions(self, functions: list[dict[str, Any]], *, alone: bool) -> int:
        family, payload = self._family, self._payload
        total = family.tools + self._rendered(functions)
        if not functions[0].get("description"):
            total += family.undescribed
        if payload.get("parallel_tool_calls") is False:
            total += family.serial
        if not family.forces:
            return total
        choice = payload.get("tool_choice")
        forced = choice.get("name") if isinstance(choice, dict) and choice.get("type") == "function" else None
        if choice == "required" and alone:
            forced = functions[0].get("name")
        if forced:
            return total + family.call + self._length("functions." + _text(forced))
        return total + (1 if choice == "none" else 0)

    def _rendered(self, functions: list[dict[str, Any]]) -> int:
        def work() -> int:
            return self._means.encode_len(render_functions(functions))

        key: bytes | None
        try:
            key = msgspec.json.encode([[tool.get(part) for part in _SHOWN_OF_A_TOOL] for tool in functions])
        except (RecursionError, TypeError):  # nested beyond what has a key
            key = None
        return self._means.remember("tools", key, work)

    def _format(self) -> int:
        text = self._payload.get("text")
        wanted = text.get("format") if isinstance(text, dict) else None
        if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
            return 0
        total = self._family.schema + self._length(" " + _text(wanted.get("name")))
        if _text(wanted.get("description")):
            total += self._length(f"// {wanted['description']}\n")
        return total + self._length(render_output_schema(wanted.get("schema") or {}))


_SHOWN_OF_A_TOOL = ("name", "description", "parameters")


def _packed_size(url: str) -> int:
    wide, high = media.image_size(url) or (0, 0)
    return wide << 32 | high


def _is_pdf(head: str, encoded: str) -> bool:
    return "application/pdf" in head or encoded.startswith("JVBERi")


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def _dicts(value: Any) -> Iterable[dict[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
