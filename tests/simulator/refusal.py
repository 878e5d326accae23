"""An error answer of the upstream, in its shape."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass
class ApiError(Exception):
    """Raised by the rules; ``body`` is the JSON that the API would send with ``status``."""

    message: str
    param: str | None = None
    code: str | None = None
    status: int = 400
    type: str = "invalid_request_error"

    def body(self) -> bytes:
        found = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return json.dumps({"error": found}).encode()


def too_long(path: str, limit: int, length: int) -> ApiError:
    return ApiError(
        f"Invalid '{path}': string too long. Expected a string with maximum length {limit}, "
        f"but got a string with length {length} instead.",
        path,
        "string_above_max_length",
    )
