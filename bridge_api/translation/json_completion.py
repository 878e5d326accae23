"""The least text that makes a whole JSON object of a beginning of one.

Invariant: what is given is a prefix of a valid object; the result is valid JSON.
"""

from __future__ import annotations

import json


def completion(shown: str) -> str:
    """The least text that turns a prefix of a JSON object into a whole one."""
    stack: list[str] = []
    in_string = escaped = False
    for sign in shown:
        if in_string:
            if escaped:
                escaped = False
            elif sign == "\\":
                escaped = True
            elif sign == '"':
                in_string = False
        elif sign == '"':
            in_string = True
        elif sign in "{[":
            stack.append("}" if sign == "{" else "]")
        elif sign in "}]":
            stack.pop()
    closers = "".join(reversed(stack))
    for middle in _MIDDLES:
        try:
            json.loads(shown + middle + closers)
        except ValueError:
            continue
        return middle + closers
    return closers


# What can finish the token in progress: a string (with half an escape), a key, a value, a literal.
_MIDDLES = (
    "",
    '"',
    '":null',
    ":null",
    "null",
    '"":null',
    ' ""',
    "0",
    '0"',
    '00"',
    '000"',
    '0000"',
    '\\"',
    'n"',
    'u0000"',
    '0":null',
    '00":null',
    '000":null',
    '0000":null',
    'n":null',
    "rue",
    "ue",
    "e",
    "alse",
    "lse",
    "se",
    "ull",
    "ll",
    "l",
    "0",
)
