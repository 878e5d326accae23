"""Content blocks of user turns and tool results, as input parts of the Responses API.

Invariants: order is kept; media is passed on by value or by reference and never fetched or decoded here; a
block without a counterpart becomes framed text with a note; equal blocks give equal bytes.

Source: ``ResponseInputItemParam`` and its content parts in the ``openai`` package; OpenAI's limits on images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridge_api.capabilities import Capabilities
from bridge_api.schemas import blocks as b
from bridge_api.schemas.wording import invalid
from bridge_api.translation import frames
from bridge_api.translation.notes import Notes

IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ContentRules:
    """What the model takes: explicit prompt-cache breakpoints, pictures, files."""

    breakpoints: bool
    notes: Notes
    images: bool = True
    files: bool = True

    @classmethod
    def of(cls, caps: Capabilities, notes: Notes) -> ContentRules:
        return cls(caps.breakpoints, notes, caps.images, caps.files)


def input_text(text: str) -> Part:
    return {"type": "input_text", "text": text}


def mark(part: Part, control: b.CacheControl | None, rules: ContentRules) -> None:
    """Put a cache breakpoint on ``part`` where the client marked it and the model takes one."""
    if control is None:
        return
    if control.ttl not in (None, "5m"):
        rules.notes.add("ignored.cache_ttl")
    if rules.breakpoints:
        part["prompt_cache_breakpoint"] = {"mode": "explicit"}
    else:
        rules.notes.add("ignored.cache_control")


def user_parts(block: b.Block, path: str, rules: ContentRules) -> list[Part]:
    """The input parts of one block of a user turn (or inside a tool result).

    Raises InvalidRequest naming ``path`` for a block that has no place there or a source the upstream
    cannot read.
    """
    if isinstance(block, b.Text):
        if not block.text:
            rules.notes.add("dropped.empty_text", path)
            return []
        if block.citations:
            rules.notes.add("dropped.citation_history", path)
        return [input_text(block.text)]
    if isinstance(block, b.Image):
        return [_image(block, path, rules)]
    if isinstance(block, b.Document):
        return _document(block, path, rules)
    if isinstance(block, b.SearchResult):
        return [_search_result(block, path, rules)]
    if isinstance(block, b.ToolReference):
        return [input_text(f"Tool available: {block.tool_name}")]
    if isinstance(block, b.BrowserState):
        rules.notes.add("changed.framed_text", path)
        text = f'{{"tabs":{frames.compact(block.tabs)},"state_changes":{frames.compact(block.state_changes)}}}'
        return [input_text(f"[browser state] {text}")]
    if isinstance(block, b.ContainerUpload):
        raise invalid(path, "container uploads are not available through this bridge")
    raise invalid(f"{path}.type", f"'{b.type_of(block)}' blocks are not permitted here")


NO_IMAGE = "[A picture stood here; this model takes no pictures.]"
NO_FILE = "[A file stood here; this model takes no files.]"


def _image(block: b.Image, path: str, rules: ContentRules) -> Part:
    """Raises InvalidRequest for a picture that cannot be read, also where the model would not see it."""
    part = _image_part(block, path, rules)
    if rules.images:
        return part
    rules.notes.add("dropped.image", path)
    return input_text(NO_IMAGE)


def _image_part(block: b.Image, path: str, rules: ContentRules) -> Part:
    if block.transformations:
        rules.notes.add("dropped.image_transformations", path)
    source = block.source
    if isinstance(source, b.Base64Source):
        if source.media_type not in IMAGE_TYPES:
            raise invalid(f"{path}.source.media_type", f"Input should be one of {', '.join(IMAGE_TYPES)}")
        if not source.data:
            raise invalid(f"{path}.source.data", "Input should not be empty")
        url = f"data:{source.media_type};base64,{source.data}"
    elif isinstance(source, b.UrlSource):
        url = _checked_url(source.url, f"{path}.source.url")
    else:
        file_id = _checked_file_id(source.file_id, f"{path}.source.file_id")
        return {"type": "input_image", "file_id": file_id, "detail": "auto"}
    return {"type": "input_image", "image_url": url, "detail": "auto"}


def _checked_url(url: str, path: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise invalid(path, "Input should be an http or https URL")
    return url


def _checked_file_id(file_id: str, path: str) -> str:
    """Only the upstream's own file ids mean something there; they start with ``file-``."""
    if not file_id.startswith("file-"):
        raise invalid(path, "Files of the Files API are not available through this bridge")
    return file_id


def _document(block: b.Document, path: str, rules: ContentRules) -> list[Part]:
    if block.citations is not None and block.citations.enabled:
        rules.notes.add("dropped.citations", path)
    source = block.source
    if isinstance(source, b.TextSource):
        rules.notes.add("changed.framed_text", path)
        text = f"{frames.document_open(block.title, block.context)}\n{source.data}\n{frames.DOCUMENT_CLOSE}"
        return [input_text(text)]
    if isinstance(source, b.ContentSource):
        rules.notes.add("changed.framed_text", path)
        return _content_document(block, source, path, rules)
    lead = [input_text(block.context)] if block.context else []
    part = _file_part(block, source, path)
    if not rules.files:
        rules.notes.add("dropped.file", path)
        part = input_text(NO_FILE)
    return [*lead, part]


def _file_part(block: b.Document, source: Any, path: str) -> Part:
    if isinstance(source, b.UrlSource):
        return {"type": "input_file", "file_url": _checked_url(source.url, f"{path}.source.url")}
    if isinstance(source, b.FileSource):
        file_id = _checked_file_id(source.file_id, f"{path}.source.file_id")
        return {"type": "input_file", "file_id": file_id}
    if source.media_type != "application/pdf":
        raise invalid(f"{path}.source.media_type", "Input should be 'application/pdf'")
    if not source.data:
        raise invalid(f"{path}.source.data", "Input should not be empty")
    name = block.title or "document.pdf"
    if not name.lower().endswith(".pdf"):
        name += ".pdf"
    data = f"data:application/pdf;base64,{source.data}"
    return {"type": "input_file", "filename": name, "file_data": data}


def _content_document(block: b.Document, source: b.ContentSource, path: str, rules: ContentRules) -> list[Part]:
    opening = frames.document_open(block.title, block.context)
    if isinstance(source.content, str):
        return [input_text(f"{opening}\n{source.content}\n{frames.DOCUMENT_CLOSE}")]
    parts = [input_text(opening)]
    for at, inner in enumerate(source.content):
        parts += user_parts(inner, f"{path}.source.content.{at}", rules)
    return [*parts, input_text(frames.DOCUMENT_CLOSE)]


def _search_result(block: b.SearchResult, path: str, rules: ContentRules) -> Part:
    rules.notes.add("changed.framed_text", path)
    if block.citations is not None and block.citations.enabled:
        rules.notes.add("dropped.citations", path)
    text = "\n".join(part.text for part in block.content if isinstance(part, b.Text))
    return input_text(frames.search_result(block.source, block.title, text))


def result_output(
    content: str | Sequence[b.Block] | None, failed: bool, path: str, rules: ContentRules
) -> str | list[Part]:
    """The ``output`` of a function call: text where it is text alone, else typed parts.

    An empty result gets a placeholder, because models have been seen to stop after an empty one; a failed
    one is marked in its text, because the upstream has no flag for it.
    """
    output: str | list[Part]
    if content is None or isinstance(content, str):
        output = content or ""
    else:
        parts = [part for at, block in enumerate(content) for part in user_parts(block, f"{path}.{at}", rules)]
        only_text = len(parts) == 1 and parts[0]["type"] == "input_text"
        output = parts[0]["text"] if only_text else parts
    if not output:
        rules.notes.add("changed.empty_tool_result", path)
        output = frames.EMPTY_RESULT
    if failed:
        rules.notes.add("changed.is_error", path)
        output = _as_error(output)
    return output


def _as_error(output: str | list[Part]) -> str | list[Part]:
    if isinstance(output, str):
        return frames.ERROR_PREFIX + output
    first = output[0]
    if first["type"] == "input_text":
        return [{**first, "text": frames.ERROR_PREFIX + first["text"]}, *output[1:]]
    return [input_text(frames.ERROR_PREFIX.strip()), *output]
