"""What the real API refuses, refused in its words: types first, then the documented rules, one function each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.simulator.types import TypeFault, check_create

REASONING = re.compile(r"o\d|gpt-5|gpt-6")
NOT_REASONING = re.compile(r"gpt-5[.\d]*-chat")
KNOWN_MODEL = re.compile(r"gpt-[3-6]|o[134]|codex-|computer-use|chatgpt-")
EFFORTS = {
    "gpt-6": "none low medium high xhigh max",
    "gpt-6-astra": "low medium high xhigh max",
    "gpt-6.1-sol": "low medium high xhigh max",
    "gpt-6.2-astra": "low medium high xhigh max",
    "gpt-5.6": "none low medium high xhigh max",
    "gpt-5.5": "none low medium high xhigh",
    "gpt-5.4": "none low medium high xhigh",
    "gpt-5.2": "none low medium high xhigh",
    "gpt-5.1": "none low medium high",
    "gpt-5": "minimal low medium high",
    "o": "low medium high",
}
ISSUED = "gAAAA-sim-"


@dataclass
class ApiError(Exception):
    """An error answer of the API."""

    message: str
    param: str | None = None
    code: str | None = None
    status: int = 400
    type: str = "invalid_request_error"

    def body(self) -> bytes:
        found = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return json.dumps({"error": found}).encode()


Rule = Callable[[dict[str, Any]], None]


def validate(body: bytes | dict[str, Any], *, own_reasoning: bool = True) -> dict[str, Any]:
    """The parsed request. Raises ApiError. ``own_reasoning``: encrypted content must be the simulator's own."""
    if isinstance(body, bytes):
        try:
            body = json.loads(body)
        except ValueError:
            raise ApiError("We could not parse the JSON body of your request.") from None
    if not isinstance(body, dict):
        raise ApiError("The request body must be an object.")
    try:
        check_create(body)
    except TypeFault as fault:
        code = "unknown_parameter" if fault.what == "Unknown parameter" else "invalid_value"
        if fault.what.startswith("Missing"):
            code = "missing_required_parameter"
        raise ApiError(f"{fault.what}: '{fault.path}'.", fault.path, code) from None
    for rule in RULES:
        rule(body)
    if own_reasoning:
        encrypted_content_is_ours(body)
    return body


def reasons(model: str) -> bool:
    return REASONING.match(model) is not None and NOT_REASONING.match(model) is None


def _version(model: str) -> float:
    found = re.match(r"gpt-(\d+(?:\.\d+)?)", model)
    return float(found[1]) if found else 0.0


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    items = body.get("input")
    return items if isinstance(items, list) else []


# -- rules ------------------------------------------------------------------------------------------------


def model_exists(body: dict[str, Any]) -> None:
    """Error codes: ``model_not_found``."""
    model = body.get("model")
    if not isinstance(model, str) or not KNOWN_MODEL.match(model):
        raise ApiError(f"The requested model '{model}' does not exist.", "model", "model_not_found", status=404)


def input_is_given(body: dict[str, Any]) -> None:
    if not body.get("input") and not body.get("prompt") and not body.get("previous_response_id"):
        raise ApiError(
            "One of 'input' or 'previous_response_id' must be provided.", "input", "missing_required_parameter"
        )


def output_limit_is_at_least_sixteen(body: dict[str, Any]) -> None:
    """API reference: minimum of ``max_output_tokens``."""
    limit = body.get("max_output_tokens")
    if limit is not None and limit < 16:
        raise ApiError(
            f"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got {limit} instead.",
            "max_output_tokens",
            "integer_below_min_value",
        )


def keys_are_short(body: dict[str, Any]) -> None:
    for name in ("prompt_cache_key", "safety_identifier"):
        if len(body.get(name) or "") > 64:
            raise ApiError(f"Invalid '{name}': string too long.", name, "string_above_max_length")


def sampling_fits_the_model(body: dict[str, Any]) -> None:
    """Reasoning guide: temperature and top_p only without reasoning."""
    model = body["model"]
    effort = (body.get("reasoning") or {}).get("effort")
    default_none = re.match(r"gpt-5\.[1245]", model) and effort is None
    for name in ("temperature", "top_p"):
        if body.get(name) is not None and reasons(model) and effort != "none" and not default_none:
            raise ApiError(
                f"Unsupported parameter: '{name}' is not supported with this model.", name, "unsupported_parameter"
            )


def effort_fits_the_model(body: dict[str, Any]) -> None:
    """Model pages; error text as recorded."""
    reasoning = body.get("reasoning") or {}
    effort = reasoning.get("effort")
    model = body["model"]
    if not reasons(model):
        if effort is not None or reasoning.get("summary"):
            raise ApiError(
                "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
                "reasoning.effort",
                "unsupported_parameter",
            )
        if "reasoning.encrypted_content" in (body.get("include") or []):
            raise ApiError("Encrypted content is not supported with this model.", "include", None)
        return
    key = max((prefix for prefix in EFFORTS if model.startswith(prefix)), key=len, default=None)
    if effort is not None and key is not None and effort not in EFFORTS[key].split():
        raise ApiError(
            f"Unsupported value: '{effort}' is not supported with the '{model}' model.",
            "reasoning.effort",
            "unsupported_value",
        )


def tools_are_well_named(body: dict[str, Any]) -> None:
    seen = set()
    for at, tool in enumerate(body.get("tools") or []):
        if tool["type"] != "function":
            continue
        name, path = tool["name"], f"tools[{at}].name"
        if not re.fullmatch(r"[a-zA-Z0-9_-]+", name):
            raise ApiError(f"Invalid '{path}': string does not match pattern.", path, "invalid_value")
        if len(name) > 64:
            raise ApiError(f"Invalid '{path}': string too long.", path, "string_above_max_length")
        if name in seen:
            raise ApiError(f"Duplicate tool name: {name}", path, "invalid_value")
        seen.add(name)


def tool_choice_names_a_tool(body: dict[str, Any]) -> None:
    choice = body.get("tool_choice")
    tools = body.get("tools") or []
    if choice is not None and choice not in ("none", "auto") and not tools:
        raise ApiError("Tool choice must be 'none' or 'auto' without tools.", "tool_choice", "invalid_value")
    named = isinstance(choice, dict) and choice.get("type") == "function"
    if named and choice["name"] not in [tool.get("name") for tool in tools]:
        raise ApiError(
            f"Tool choice '{choice['name']}' not found in 'tools' parameter.", "tool_choice", "invalid_value"
        )


_BAD_REGEX = re.compile(r"\\[pP]\{|\(\?[=!<]|\\[1-9]")
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
_NO_STRICT = {
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "uniqueItems",
    "contains",
}


def schemas_are_accepted(body: dict[str, Any]) -> None:
    """Structured-outputs guide; recorded ``invalid_function_parameters``."""
    for at, tool in enumerate(body.get("tools") or []):
        if tool["type"] == "function":
            _function_schema(tool, f"tools[{at}].parameters")
    wanted = (body.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_schema":
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", wanted["name"]):
            raise ApiError("Invalid 'text.format.name'.", "text.format.name", "invalid_value")
        if wanted.get("strict"):
            for fault in strict_faults(wanted["schema"], root=True):
                raise ApiError(
                    f"Invalid schema for response_format 'output': {fault}", "text.format.schema", "invalid_json_schema"
                )


def _function_schema(tool: dict[str, Any], path: str) -> None:
    schema = tool.get("parameters")
    if schema is None:
        return
    faults = strict_faults(schema, root=True) if tool.get("strict") else loose_faults(schema, root=True)
    for fault in faults:
        raise ApiError(f"Invalid schema for function '{tool['name']}': {fault}", path, "invalid_function_parameters")


def _inner(schema: dict[str, Any]) -> Iterator[Any]:
    for key in ("properties", "$defs", "definitions"):
        if isinstance(schema.get(key), dict):
            yield from schema[key].values()
    for key in ("anyOf", "oneOf", "allOf"):
        yield from schema.get(key) or []
    if isinstance(schema.get("items"), dict):
        yield schema["items"]


def loose_faults(schema: Any, *, root: bool = False) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    if root:
        if schema.get("type") != "object":
            yield f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
        if any(key in schema for key in ("anyOf", "oneOf", "allOf", "enum", "not")):
            yield "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level."
    if schema.get("type") == "object" and "properties" not in schema:
        yield "object schema missing properties"
    if schema.get("type") == "array" and "items" not in schema and "prefixItems" not in schema:
        yield "array schema missing items"
    if isinstance(schema.get("pattern"), str) and _BAD_REGEX.search(schema["pattern"]):
        yield "pattern is not a 'regex'"
    for inner in _inner(schema):
        yield from loose_faults(inner)


def strict_faults(schema: Any, *, root: bool = False) -> Iterator[str]:
    if not isinstance(schema, dict):
        yield "schema must be an object"
        return
    yield from loose_faults(schema, root=root)
    kinds = schema.get("type")
    if kinds == "object" or (isinstance(kinds, list) and "object" in kinds):
        if schema.get("additionalProperties") is not False:
            yield "'additionalProperties' is required to be supplied and to be false."
        if set(schema.get("required") or []) != set(schema.get("properties") or {}):
            yield "'required' is required to be supplied and to be an array including every key in properties."
    for key in _NO_STRICT & schema.keys():
        yield f"'{key}' is not permitted."
    if "format" in schema and schema["format"] not in _FORMATS:
        yield f"'{schema['format']}' is not a valid format."
    for inner in _inner(schema):
        yield from strict_faults(inner)


def calls_and_outputs_pair(body: dict[str, Any]) -> None:
    """Function-calling guide; the words are those of the API."""
    if body.get("previous_response_id") or body.get("conversation"):
        return
    if any(item.get("type") == "item_reference" for item in _items(body)):
        return
    open_calls: dict[str, None] = {}
    for at, item in enumerate(_items(body)):
        kind = item.get("type")
        if kind in ("function_call", "function_call_output"):
            call_id = item.get("call_id") or ""
            if not 1 <= len(call_id) <= 64:
                raise ApiError(
                    f"Invalid 'input[{at}].call_id': string too long.",
                    f"input[{at}].call_id",
                    "string_above_max_length",
                )
            if kind == "function_call":
                if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", item["name"]):
                    raise ApiError(f"Invalid 'input[{at}].name'", f"input[{at}].name", "invalid_value")
                open_calls[call_id] = None
            elif call_id not in open_calls:
                raise ApiError(f"No tool call found for function call output with call_id {call_id}.", "input")
            else:
                del open_calls[call_id]
    for call_id in open_calls:
        raise ApiError(f"No tool output found for function call {call_id}.", "input")


def reasoning_has_its_follower(body: dict[str, Any]) -> None:
    """Reasoning guide: an item stands before the item it led to."""
    items = _items(body)
    for at, item in enumerate(items):
        if item.get("type") != "reasoning":
            continue
        if body.get("store") is False and not item.get("encrypted_content"):
            raise ApiError(
                f"Item with id '{item.get('id')}' not found. Items are not persisted when `store` is set to false.",
                "input",
                status=404,
            )
        if not str(item.get("id") or "rs_").startswith("rs_"):
            raise ApiError(f"Invalid 'input[{at}].id'.", f"input[{at}].id", "invalid_value")
        follower = next((other for other in items[at + 1 :] if other.get("type") != "reasoning"), {})
        assistant = follower.get("role") == "assistant"
        if not assistant and not str(follower.get("type")).endswith("_call"):
            raise ApiError(
                f"Item '{item.get('id')}' of type 'reasoning' was provided without its required following item.",
                "input",
            )


def encrypted_content_is_ours(body: dict[str, Any]) -> None:
    for item in _items(body):
        content = item.get("encrypted_content")
        if item.get("type") == "reasoning" and content and not content.startswith(ISSUED):
            raise ApiError("The encrypted content could not be verified.", "input", "invalid_encrypted_content")


def cache_marks_fit_the_model(body: dict[str, Any]) -> None:
    """Prompt-caching guide: explicit breakpoints from gpt-5.6 on."""
    if _version(body["model"]) >= 5.6:
        return
    if body.get("prompt_cache_options") or '"prompt_cache_breakpoint"' in json.dumps(body.get("input")):
        raise ApiError("prompt_cache_breakpoint is not supported with this model.", "input", "unsupported_parameter")


def assistants_do_not_write_input(body: dict[str, Any]) -> None:
    for at, item in enumerate(_items(body)):
        if item.get("role") == "assistant" and isinstance(item.get("content"), list):
            for part in item["content"]:
                if part["type"].startswith("input_"):
                    raise ApiError(f"Invalid value: '{part['type']}'.", f"input[{at}].content", "invalid_value")


def images_are_of_a_known_kind(body: dict[str, Any]) -> None:
    for at, item in enumerate(_items(body)):
        content = item.get("content") if item.get("type", "message") == "message" else item.get("output")
        for part in content if isinstance(content, list) else []:
            url = part.get("image_url") or "" if part.get("type") == "input_image" else ""
            if url.startswith("data:") and not re.match(r"data:image/(png|jpeg|gif|webp);base64,.", url):
                raise ApiError("Invalid image data.", f"input[{at}]", "invalid_image_format")


RULES: tuple[Rule, ...] = (
    model_exists,
    input_is_given,
    output_limit_is_at_least_sixteen,
    keys_are_short,
    sampling_fits_the_model,
    effort_fits_the_model,
    tools_are_well_named,
    tool_choice_names_a_tool,
    schemas_are_accepted,
    calls_and_outputs_pair,
    reasoning_has_its_follower,
    cache_marks_fit_the_model,
    assistants_do_not_write_input,
    images_are_of_a_known_kind,
)
