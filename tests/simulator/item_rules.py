"""Rules on the items of ``input``, one small function each. Sources as in the rules on parameters."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from tests.simulator import models, sealed
from tests.simulator.refusal import ApiError, too_long

Body = dict[str, Any]
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "web_search_call": "ws",
    "code_interpreter_call": "ci",
    "file_search_call": "fs",
    "image_generation_call": "ig",
    "mcp_call": "mcp",
    "mcp_list_tools": "mcpl",
    "custom_tool_call": "ctc",
    "tool_search_call": "tsc",
    "tool_search_output": "tso",
    "compaction": "cmp",
}
PAIRS = {
    "function_call_output": ("function_call", "function call"),
    "custom_tool_call_output": ("custom_tool_call", "custom tool call"),
}
CALLS = {call: words for call, words in PAIRS.values()}
MAX_TEXT, MAX_IMAGE, MAX_FILE, MAX_ENCRYPTED, MAX_IMAGES = 10_485_760, 20_971_520, 73_400_320, 20_971_520, 1_500


def items_of(body: Body) -> list[dict[str, Any]]:
    items = body.get("input")
    return items if isinstance(items, list) else []


def parts_of(body: Body) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each content part with its path, in messages and in outputs of calls."""
    for at, item in enumerate(items_of(body)):
        for key in ("content", "output"):
            if isinstance(item.get(key), list) and item.get("type", "message") in ("message", *PAIRS):
                yield from ((f"input[{at}].{key}[{index}]", part) for index, part in enumerate(item[key]))


def ids_have_their_prefix(body: Body) -> None:
    """Issues: the prefix of an id is checked where one is given, its length is at most 64, none comes twice."""
    seen: set[str] = set()
    for at, item in enumerate(items_of(body)):
        kind, name = item.get("type") or "message", item.get("id")
        if not name or kind == "item_reference":
            continue
        path = f"input[{at}].id"
        prefix = PREFIXES.get(kind)
        if prefix and not name.startswith(f"{prefix}_"):
            raise ApiError(
                f"Invalid '{path}': '{name}'. Expected an ID that begins with '{prefix}'.", path, "invalid_value"
            )
        if len(name) > 64:
            raise too_long(path, 64, len(name))
        if name in seen:
            raise ApiError(f"Duplicate item found with id {name}. Remove duplicate items from your input.", "input")
        seen.add(name)


def calls_are_well_formed(body: Body) -> None:
    """Issues: call ids of 1 to 64 characters of any kind; names as of tools."""
    for at, item in enumerate(items_of(body)):
        kind, path = item.get("type"), f"input[{at}]"
        if kind not in CALLS and kind not in PAIRS:
            continue
        call_id = item.get("call_id") or ""
        if not call_id:
            raise ApiError(
                f"Invalid '{path}.call_id': empty string. Expected a string with minimum length 1, but got an empty string instead.",
                f"{path}.call_id",
                "empty_string",
            )
        if len(call_id) > 64:
            raise too_long(f"{path}.call_id", 64, len(call_id))
        if kind in CALLS and not NAME.fullmatch(item["name"]):
            raise ApiError(f"Invalid '{path}.name': string does not match pattern.", f"{path}.name", "invalid_value")


def calls_and_outputs_pair(body: Body) -> None:
    """Function-calling guide; issues: the words. Only where no stored items may hold the other half. Recorded: a
    search for tools counts as a call."""
    if body.get("previous_response_id") or body.get("conversation"):
        return
    if any(item.get("type") == "item_reference" for item in items_of(body)):
        return
    waiting: dict[tuple[str, str], str] = {}
    searches: set[str] = set()
    for item in items_of(body):
        kind = str(item.get("type"))
        if kind == "tool_search_call" and item.get("call_id"):
            searches.add(item["call_id"])
        elif kind in CALLS:
            waiting[kind, item["call_id"]] = CALLS[kind]
        elif kind in PAIRS:
            call, words = PAIRS[kind]
            if waiting.pop((call, item["call_id"]), None) is None and item["call_id"] not in searches:
                raise ApiError(f"No tool call found for {words} output with call_id {item['call_id']}.", "input")
    for (_, call_id), words in waiting.items():
        raise ApiError(f"No tool output found for {words} {call_id}.", "input")


def reasoning_is_whole(body: Body) -> None:
    """Issues: without a store the content must travel with the id."""
    if body.get("store", True):
        return
    for item in items_of(body):
        if item.get("type") == "reasoning" and not item.get("encrypted_content"):
            raise ApiError(
                f"Item with id '{item['id']}' not found. Items are not persisted when `store` is set to false. "
                "Try again with `store` set to true, or remove this item from your input.",
                "input",
                status=404,
            )


def reasoning_has_its_follower(body: Body) -> None:
    """Recorded: an item of reasoning stands before what it led to; where items are stored, a message must carry its
    id to count as that, where they are not, none is needed (list form of its content)."""
    items, stored = items_of(body), body.get("store") is not False
    for at, item in enumerate(items):
        if item.get("type") != "reasoning":
            continue
        follower = next((other for other in items[at + 1 :] if other.get("type") != "reasoning"), {})
        kind = str(follower.get("type") or "message")
        said = follower.get("role") == "assistant" and (follower.get("id") or not stored)
        made = said or kind.endswith(("_call", "_reference"))
        if not made and kind not in ("mcp_list_tools", "mcp_approval_request", "compaction", "program"):
            raise _alone(item)


def _alone(item: dict[str, Any]) -> ApiError:
    return ApiError(
        f"Item '{item['id']}' of type 'reasoning' was provided without its required following item.", "input"
    )


def reasoning_was_issued_here(body: Body) -> None:
    """Issues: content that cannot be verified, or that belongs to another item; and, of its own reasoning, the
    simulator knows what followed it."""
    items = items_of(body)
    for at, item in enumerate(items):
        content = item.get("encrypted_content")
        if item.get("type") != "reasoning" or not content:
            continue
        found = sealed.opened(content)
        if found is None:
            raise ApiError(
                f"The encrypted content {content[:8]}... could not be verified. Reason: Encrypted content could not be "
                "decrypted or parsed.",
                "input",
                "invalid_encrypted_content",
            )
        if found[0] != item["id"]:
            raise ApiError(
                "The encrypted content could not be verified. Reason: Encrypted content item_id did not match.",
                "input",
                "invalid_encrypted_content",
            )
        if at + 1 == len(items) or found[1] != sealed.follower_of(items[at + 1]):
            raise _alone(item)


def items_fit_the_model(body: Body) -> None:
    """Guides: breakpoints from gpt-5.6 on, phase from gpt-5.3-codex on, tool search from gpt-5.4 on, changes of
    configuration on GPT-6 Astra only, no two of them in a row, and a trigger of compaction last."""
    model, items = body["model"], items_of(body)
    version = models.version(model)
    for path, part in parts_of(body):
        if part.get("prompt_cache_breakpoint") and version < 5.6:
            raise _unknown(f"{path}.prompt_cache_breakpoint")
    for at, item in enumerate(items):
        kind, path = item.get("type"), f"input[{at}]"
        if item.get("phase") and not models.knows_phase(model):
            raise _unknown(f"{path}.phase")
        if kind in ("tool_search_call", "tool_search_output") and version < 5.4:
            raise _unknown(path)
        if kind == "configuration_update" and not model.startswith(("gpt-6-astra", "gpt-6.2-astra")):
            raise _unknown(path)
        if kind == "configuration_update" and at and items[at - 1].get("type") == kind:
            raise ApiError("Two configuration updates may not follow each other.", path, "invalid_value")
        if kind == "compaction_trigger" and at != len(items) - 1:
            raise ApiError("A compaction trigger must be the last item.", path, "invalid_value")


def _unknown(path: str) -> ApiError:
    return ApiError(f"Unsupported parameter: '{path}' is not supported with this model.", path, "unsupported_parameter")


def assistants_do_not_write_input(body: Body) -> None:
    """Issues: an assistant's content is output_text or refusal, nobody else's is."""
    for at, item in enumerate(items_of(body)):
        if item.get("type", "message") != "message" or not isinstance(item.get("content"), list):
            continue
        mine = item["role"] == "assistant"
        for index, part in enumerate(item["content"]):
            if part["type"].startswith("input_") == mine:
                path = f"input[{at}].content[{index}]"
                supported = "'output_text' and 'refusal'" if mine else "'input_text', 'input_image', and 'input_file'"
                raise ApiError(
                    f"Invalid value: '{part['type']}'. Supported values are: {supported}.", path, "invalid_value"
                )


def texts_are_not_too_long(body: Body) -> None:
    """Reference: the lengths of strings."""
    if isinstance(body.get("input"), str) and len(body["input"]) > MAX_TEXT:
        raise too_long("input", MAX_TEXT, len(body["input"]))
    for path, part in parts_of(body):
        for key, limit in (("text", MAX_TEXT), ("image_url", MAX_IMAGE), ("file_data", MAX_FILE)):
            if len(part.get(key) or "") > limit:
                raise too_long(f"{path}.{key}", limit, len(part[key]))
    for at, item in enumerate(items_of(body)):
        for key, limit in (("content", MAX_TEXT), ("output", MAX_TEXT), ("encrypted_content", MAX_ENCRYPTED)):
            if isinstance(item.get(key), str) and len(item[key]) > limit:
                raise too_long(f"input[{at}].{key}", limit, len(item[key]))


def images_are_of_a_known_kind(body: Body) -> None:
    """Images guide: png, jpeg, webp, gif; a data URL or a web address; 1,500 at most. Error codes: reference."""
    seen = 0
    for path, part in parts_of(body):
        if part["type"] != "input_image":
            continue
        seen += 1
        url = part.get("image_url")
        if not url and not part.get("file_id"):
            raise ApiError(f"Missing required parameter: '{path}.image_url'.", path, "missing_required_parameter")
        if not url:
            continue
        if url.startswith("data:"):
            kind, _, data = url.removeprefix("data:").partition(";base64,")
            if kind not in ("image/png", "image/jpeg", "image/gif", "image/webp"):
                raise ApiError(
                    f"Invalid '{path}.image_url': unsupported image type '{kind}'.", path, "invalid_image_format"
                )
            if not _decodes(data):
                raise ApiError(f"Invalid base64 image_url in '{path}'.", path, "invalid_base64_image")
        elif not url.startswith(("http://", "https://")):
            raise ApiError(
                f"Invalid '{path}.image_url'. Expected a valid URL, but got a value with an invalid format.",
                f"{path}.image_url",
                "invalid_value",
            )
    if seen > MAX_IMAGES:
        raise ApiError("Too many images.", "input", "invalid_value")


def files_are_documents(body: Body) -> None:
    """Recorded: the words for data that is no document; file-inputs guide: one of data, address and id."""
    for path, part in parts_of(body):
        if part["type"] != "input_file":
            continue
        given = [key for key in ("file_data", "file_url", "file_id") if part.get(key)]
        if len(given) != 1:
            raise ApiError(
                f"Mutually exclusive parameters: '{path}'. Ensure you are only providing one of: 'file_id', "
                "'file_data' or 'file_url'.",
                path,
                "mutually_exclusive_parameters",
            )
        if given == ["file_data"]:
            kind, _, data = part["file_data"].removeprefix("data:").partition(";base64,")
            if not data or kind.split("/")[0] not in ("application", "text") or not _decodes(data):
                raise ApiError(
                    f"Invalid file data: '{path}.file_data'. Expected a base64-encoded data URL with a valid file "
                    f"MIME type, but got unsupported MIME type '{kind[:60]}'.",
                    f"{path}.file_data",
                    "invalid_value",
                )


def _decodes(data: str) -> bool:
    try:
        return bool(base64.b64decode(data, validate=True))
    except binascii.Error:
        return False


ITEM_RULES = (
    ids_have_their_prefix,
    calls_are_well_formed,
    calls_and_outputs_pair,
    reasoning_is_whole,
    reasoning_has_its_follower,
    items_fit_the_model,
    assistants_do_not_write_input,
    texts_are_not_too_long,
    images_are_of_a_known_kind,
    files_are_documents,
)
