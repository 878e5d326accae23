"""Rules on the parameters of a request, its tools and schemas, one small function each.

Each raises ApiError; its docstring names where the rule is from: the API reference and guides ("reference"),
recorded answers ("recorded"), or public issue threads that quote the API ("issues").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.simulator import models
from tests.simulator.refusal import ApiError, too_long
from tests.simulator.schema_rules import loose_faults, strict_faults

Body = dict[str, Any]
NAME = re.compile(r"[a-zA-Z0-9_-]+")


def effort_of(body: Body) -> str | None:
    found: str | None = (body.get("reasoning") or {}).get("effort")
    return found


def tools_of(body: Body) -> list[dict[str, Any]]:
    return body.get("tools") or []


def model_exists(body: Body) -> None:
    """Recorded: on this endpoint an unknown model is a 400 (other endpoints say 404)."""
    model = body.get("model")
    if model is None:
        raise ApiError("Missing required parameter: 'model'.", "model", "missing_required_parameter")
    if not models.exists(model):
        raise ApiError(f"The requested model '{model}' does not exist.", "model", "model_not_found")


def input_is_given(body: Body) -> None:
    """Reference: something must be asked; recorded: an empty string is something, an empty list is not."""
    if body.get("input") in (None, []) and not any(
        body.get(name) for name in ("prompt", "previous_response_id", "conversation")
    ):
        raise ApiError(
            "One of 'input' or 'previous_response_id' must be provided.", "input", "missing_required_parameter"
        )


RANGES: dict[str, tuple[float, float]] = {
    "max_output_tokens": (16, 10_000_000),
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_logprobs": (0, 20),
    "max_tool_calls": (1, 10_000),
}


def numbers_are_in_range(body: Body) -> None:
    """Reference: limits of numbers; recorded: the words and code for a temperature below zero."""
    for name, (least, most) in RANGES.items():
        value = body.get(name)
        if value is None or least <= value <= most:
            continue
        kind = "decimal" if name in ("temperature", "top_p") else "integer"
        side, sign, limit = ("below", ">=", least) if value < least else ("above", "<=", most)
        wall = "min" if side == "below" else "max"
        raise ApiError(
            f"Invalid '{name}': {kind} {side} {wall}imum value. Expected a value {sign} {limit}, but got {value} instead.",
            name,
            f"{kind}_{side}_{wall}_value",
        )


def keys_are_short(body: Body) -> None:
    """Reference: 64 characters for both; the package's docstring allows 128 for one, the document does not."""
    for name in ("prompt_cache_key", "safety_identifier"):
        if len(body.get(name) or "") > 64:
            raise too_long(name, 64, len(body[name]))


def metadata_is_small(body: Body) -> None:
    """Reference: 16 pairs, keys of 64, values of 512 characters."""
    pairs = body.get("metadata") or {}
    if len(pairs) > 16:
        raise ApiError("Invalid 'metadata': too many properties.", "metadata", "object_above_max_properties")
    for key, value in pairs.items():
        if len(key) > 64 or len(value) > 512:
            raise too_long(f"metadata.{key[:64]}", 512, len(value))


def sampling_fits_the_model(body: Body) -> None:
    """Recorded: no temperature, top_p or logprobs while a model reasons; model pages: never on Astra."""
    if models.samples(body["model"], effort_of(body)):
        return
    for name in ("temperature", "top_p"):
        if body.get(name) is not None:
            raise _unsupported(name)
    if body.get("top_logprobs") or "message.output_text.logprobs" in (body.get("include") or []):
        raise ApiError("logprobs are not supported with reasoning models.", "top_logprobs", "unsupported_parameter")


def effort_fits_the_model(body: Body) -> None:
    """Model pages; recorded: words of an effort that a model does not know."""
    model, effort = body["model"], effort_of(body)
    if effort is None or not models.reasons(model):
        return
    known = models.efforts(model)
    if known and effort not in known:
        quoted = [f"'{one}'" for one in known]
        listed = ", ".join(quoted[:-1]) + f", and {quoted[-1]}" if len(quoted) > 1 else quoted[0]
        raise ApiError(
            f"Unsupported value: '{effort}' is not supported with the '{model}' model. Supported values are: {listed}.",
            "reasoning.effort",
            "unsupported_value",
        )


def reasoning_is_for_reasoning_models(body: Body) -> None:
    """Reference: the object is for reasoning models only (its deprecated member is recorded as taken by all);
    issues: encrypted content likewise."""
    if models.reasons(body["model"]):
        return
    for name, value in (body.get("reasoning") or {}).items():
        if value is not None and name != "generate_summary":
            path = f"reasoning.{name}"
            raise ApiError(
                f"Unsupported parameter: '{path}' is not supported with this model.", path, "unsupported_parameter"
            )
    if "reasoning.encrypted_content" in (body.get("include") or []):
        raise ApiError("Encrypted content is not supported with this model.", "include")


def parameters_fit_the_model(body: Body) -> None:
    """Guides: what only newer models take (prompt caching options, tool search, the fastest tier); recorded: gpt-5.3-codex
    knows namespaces and deferred tools already."""
    model = body["model"]
    version = models.version(model)
    if body.get("prompt_cache_options") and version < 5.6:
        raise _unsupported("prompt_cache_options")
    if body.get("service_tier") == "ultrafast" and not model.startswith("gpt-5.6-sol"):
        raise ApiError("Invalid service_tier argument.", "service_tier", "unsupported_value")
    for at, tool in enumerate(tools_of(body)):
        if version < 5.3 and (tool["type"] in ("tool_search", "namespace") or tool.get("defer_loading")):
            raise _unsupported(f"tools[{at}]")


def _unsupported(path: str) -> ApiError:
    return ApiError(f"Unsupported parameter: '{path}' is not supported with this model.", path, "unsupported_parameter")


def stream_options_need_a_stream(body: Body) -> None:
    """Reference: ``stream_options`` only where ``stream`` is true."""
    if body.get("stream_options") and not body.get("stream"):
        raise ApiError(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
            "invalid_value",
        )


def minimal_effort_searches_nothing(body: Body) -> None:
    """Issues: hosted search is refused while the effort is minimal."""
    hosted = [tool["type"] for tool in tools_of(body) if tool["type"].startswith("web_search")]
    if effort_of(body) == "minimal" and hosted:
        raise ApiError(
            f"The following tools cannot be used with reasoning.effort 'minimal': {', '.join(hosted)}.", "tools"
        )


def tools_are_well_named(body: Body) -> None:
    """Reference: the pattern of names. 64 characters is the safe end of 64 to 128 found in documents. Recorded: a
    name may come again in an item that adds tools."""
    seen: set[str] = set()
    for path, tool in _named_tools(body):
        name = tool["name"]
        if not NAME.fullmatch(name):
            raise ApiError(
                f"Invalid '{path}.name': string does not match pattern. "
                f"Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
                f"{path}.name",
                "invalid_value",
            )
        if len(name) > 64:
            raise too_long(f"{path}.name", 64, len(name))
        if name in seen and path.startswith("tools"):
            raise ApiError(f"Duplicate tool name: {name}", f"{path}.name", "invalid_value")
        seen.add(name)


def _named_tools(body: Body) -> Iterator[tuple[str, dict[str, Any]]]:
    for at, tool in enumerate(tools_of(body)):
        if tool["type"] in ("function", "custom", "namespace"):
            yield f"tools[{at}]", tool
    items = body.get("input")
    for number, item in enumerate(items if isinstance(items, list) else []):
        if item.get("type") == "additional_tools":
            for at, tool in enumerate(item["tools"]):
                if tool["type"] in ("function", "custom", "namespace"):
                    yield f"input[{number}].tools[{at}]", tool


def tool_choice_names_a_tool(body: Body) -> None:
    """Reference and issues: what is forced must be offered."""
    choice, tools = body.get("tool_choice"), tools_of(body)
    offered = {tool.get("name") or tool.get("server_label") or tool["type"] for _, tool in _named_tools(body)}
    offered |= {tool.get("server_label") or tool["type"] for tool in tools}
    if choice is None or choice in ("none", "auto"):
        return
    if not offered:
        raise ApiError("Tool choice must be 'none' or 'auto' without tools.", "tool_choice", "invalid_value")
    if not isinstance(choice, dict):
        return
    wanted = choice["tools"] if choice["type"] == "allowed_tools" else [choice]
    for one in wanted:
        name = one.get("name") or one.get("server_label") or one["type"]
        if one["type"] in ("function", "custom", "mcp", "web_search", "code_interpreter") and name not in offered:
            raise ApiError(f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice", "invalid_value")


def schemas_are_accepted(body: Body) -> None:
    """Structured-outputs guide; recorded: ``invalid_function_parameters`` and its words."""
    for path, tool in _named_tools(body):
        if tool["type"] == "function" and tool.get("parameters") is not None:
            strict = tool.get("strict")
            check = strict_faults if strict else loose_faults
            for fault in check(tool["parameters"], root=True):
                raise ApiError(
                    f"Invalid schema for function '{tool['name']}': {fault}",
                    f"{path}.parameters",
                    "invalid_function_parameters",
                )


def format_is_accepted(body: Body) -> None:
    """Reference: name and schema of ``text.format``; issues: a JSON object must be spoken of in the input."""
    wanted = (body.get("text") or {}).get("format") or {}
    if (
        wanted.get("type") == "json_object"
        and "json" not in json.dumps([body.get("input"), body.get("instructions")]).lower()
    ):
        raise ApiError(
            "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.",
            "input",
        )
    if wanted.get("type") != "json_schema":
        return
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", wanted["name"]):
        raise ApiError(
            "Invalid 'text.format.name': string does not match pattern.", "text.format.name", "invalid_value"
        )
    check = strict_faults if wanted.get("strict") else loose_faults
    for fault in check(wanted["schema"], root=True):
        raise ApiError(
            f"Invalid schema for response_format '{wanted['name']}': {fault}",
            "text.format.schema",
            "invalid_json_schema",
        )


PARAMETER_RULES = (
    model_exists,
    input_is_given,
    numbers_are_in_range,
    keys_are_short,
    metadata_is_small,
    sampling_fits_the_model,
    reasoning_is_for_reasoning_models,
    effort_fits_the_model,
    parameters_fit_the_model,
    stream_options_need_a_stream,
    minimal_effort_searches_nothing,
    tools_are_well_named,
    tool_choice_names_a_tool,
    schemas_are_accepted,
    format_is_accepted,
)
