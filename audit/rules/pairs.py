"""Secrets whose name and value are two values of one thing: ``{"name": "X_TOKEN", "value": "x"}``, ``name: X_PASS`` above
``value: x``, ``<add key="Password" value="x"/>``; and the values that tools put beside a name of their own.

Invariant: between a name and its value stand only other short pairs of the same thing, never the end of it.
"""

from __future__ import annotations

import re

from audit import validators
from audit.rules import plausible
from audit.rules.assigned import BARE, NEEDLES, QUOTED, SIGNED, qualified
from audit.rules.base import Place, after, rule

_MARK = r"\\{0,3}[\"']"
# Another pair of the same thing
_OTHER = (
    rf"(?:{_MARK})?(?!\w{{0,12}}value)[a-z_-]{{2,24}}+(?:{_MARK})?\s?[:=]\s?"
    rf"(?:{_MARK}[^\"'\n\\]{{0,60}}+{_MARK}|true|false|null|[\w./-]{{1,40}}+)"
)
_VALUE = r"(?:parameter|option|property|setting|default|plain|secret|string)?[_-]?values?"
_GAP = rf"(?:{_MARK})?(?:[\s,:{{]|\\[nrt]|{_OTHER}){{1,30}}?(?:{_MARK})?{_VALUE}(?:{_MARK})?\s{{0,3}}(?:[:=]|=>)\s{{0,3}}\[?"
_PAIRED = rf"{SIGNED}{_GAP}(?:{QUOTED}|(?P<bare>{BARE}))"


def _paired(text: str, found: re.Match[str]) -> list[Place]:
    if not qualified(found) or text[found.end("name")].isalnum():
        return []
    which = "quoted" if found["quoted"] is not None else "bare"
    start, end = found.span(which)
    value = text[start:end].rstrip("\\") if which == "quoted" else text[start:end]
    name = found["name"]
    holds = (
        plausible.quoted(name, value) if which == "quoted" else plausible.bare(name, value, "", env=True, tight=True)
    )
    return [(start, start + len(value))] if holds else []


def stated(text: str, found: re.Match[str]) -> bool:
    """Anything that is not a placeholder: the place is certain."""
    return not plausible.placeholder(text[found.start("v") : found.end("v")])


def _basic(text: str, found: re.Match[str]) -> bool:
    return validators.basic(text[found.start("v") : found.end("v")])


_RESULT = re.compile(r"\"(?:result|secret|ses_smtp_password_v4)\"\s?:\s?\"(?P<v>[^\"\n]{4,200}+)\"")


def _state(text: str, found: re.Match[str]) -> list[Place]:
    """The result of a resource stands after its type, before the next type."""
    end = text.find('"type"', found.end(), found.end() + 900)
    result = _RESULT.search(text, found.end(), end if end >= 0 else found.end() + 900)
    return [result.span("v")] if result and not plausible.placeholder(result["v"]) else []


_COOKIES = r"sess|sid|auth|login|remember|csrf|xsrf|jwt|identity|aspx|logged_in|token|cookie|passport"
RULES = (
    rule(
        "private_key", r"\"(?:d|p|q|dp|dq|qi|k)\"\s?:\s?\"(?P<v>[A-Za-z0-9_-]{20,1400}+)\"", "\"kty\"", "\"crv\"", where="around", reach=(2500, 2500),
        about="the private numbers of JSON Web Keys",
    ),
    rule(
        "secret", _PAIRED, *NEEDLES, where="start", fold=True, check=_paired, only="alue",
        about="`{\"name\": \"X_TOKEN\", \"value\": \"x\"}`, `name: X_PASS` above `value: x`, `<add key=\"Password\" value=\"x\"/>`",
    ),
    after(
        "cookie", r"\bname",
        rf"\\?[\"']\s?:\s?\\?[\"'][^\"'\n]{{0,40}}?(?:{_COOKIES})[^\"'\n]{{0,60}}\\?[\"'],\s{{0,40}}\\?[\"']value\\?[\"']\s?:\s?\\?[\"'](?P<v>[^\"'\n\\]{{8,4000}}+)",
        fold=True, check=stated, about="cookies in a list of names and values",
    ),
    after("secret", "random_password|random_string|aws_iam_access_key", r"[\"'.]", check=_state, about="random passwords in the state of Terraform"),
    after(
        "secret", r"\bauth", r"\\?[\"']\s?[:=]>?\s?\\?[\"'](?P<v>[A-Za-z0-9+/]{6,2000}+={0,2})", check=_basic,
        about="Docker's `\"auth\"`, which decodes to user:password",
    ),
)  # fmt: skip
