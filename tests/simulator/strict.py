"""What the real API refuses, refused in its words: types first, then the rules, in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

from tests.simulator.item_rules import ITEM_RULES, reasoning_was_issued_here
from tests.simulator.parameter_rules import PARAMETER_RULES
from tests.simulator.refusal import ApiError
from tests.simulator.schema_rules import loose_faults, strict_faults
from tests.simulator.sealed import ISSUED
from tests.simulator.types import TypeFault, check_count, check_create

__all__ = ["ISSUED", "RULES", "ApiError", "loose_faults", "strict_faults", "validate"]

Rule = Callable[[dict[str, Any]], None]
Endpoint = Literal["responses", "input_tokens"]
RULES: tuple[Rule, ...] = PARAMETER_RULES + ITEM_RULES
_CODES = {"Unknown parameter": "unknown_parameter", "Missing required parameter": "missing_required_parameter"}


def validate(
    body: bytes | dict[str, Any], *, endpoint: Endpoint = "responses", own_reasoning: bool = True
) -> dict[str, Any]:
    """The parsed request. Raises ApiError.

    ``own_reasoning``: encrypted content must be the simulator's own, for the same item, before the item that it
    was issued before.
    """
    if isinstance(body, bytes):
        try:
            body = json.loads(body)
        except ValueError:
            raise ApiError(
                "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your "
                "HTTP library correctly.)"
            ) from None
    if not isinstance(body, dict):
        raise ApiError("Invalid type: expected an object.", code="invalid_type")
    try:
        (check_create if endpoint == "responses" else check_count)(body)
    except TypeFault as fault:
        code = _CODES.get(fault.what) or ("invalid_type" if fault.what.startswith("Invalid type") else "invalid_value")
        words = fault.what if fault.what.startswith("Invalid value: ") else f"{fault.what}: '{fault.path}'."
        raise ApiError(words, fault.path, code) from None
    for rule in RULES:
        rule(body)
    if own_reasoning:
        reasoning_was_issued_here(body)
    return body
