"""Tool arguments as they stream: valid JSON only, without the fillers that models put into optional members.

Theory. Models of the upstream fill optional parameters with ``null``, ``""``, ``[]`` or ``{}`` where Claude
leaves them out, and tools of Anthropic's clients refuse or misread them. A scanner over the top level of the
object passes everything at once, but a member whose value may still turn out to be a filler is held until it
is known: its key, the colon and at most the few characters of the filler itself. The comma before a member
is written with the member that follows it.

Invariants: what was written is always a prefix of a valid JSON object; a required member and a value that the
schema names (``default``, ``enum``, ``const``, a null type) are never dropped; nested values are not looked
into; the same text in any split gives the same output.

Source: ``Invalid tool parameters`` reports of Claude Code on OpenAI models; RFC 8259 for the grammar.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from bridge_api.translation.filler_policy import FillerPolicy
from bridge_api.translation.json_completion import completion

_SPACE = " \t\n\r"
_IN_STRING = re.compile(r'[^"\\\x00-\x1f]*')
_IN_SPACE = re.compile(r"[ \t\n\r]*")
_LITERAL = re.compile(r"[-+.0-9A-Za-z]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NUMBER_PREFIX = re.compile(r"-?(?:0|[1-9]\d*)?(?:(?<=\d)\.\d*)?(?:(?<=\d)[eE][+-]?\d*)?")
_ESCAPES = frozenset('"\\/bfnrtu')
_HEX = frozenset("0123456789abcdefABCDEF")
_MAX_DEPTH = 512


class ArgumentScanner:
    """One call's arguments. ``dropped``: names of members left out; ``mismatch``: the upstream's last word did
    not continue what it had streamed; ``repaired``: how arguments that are no object were wrapped."""

    def __init__(self, policy: FillerPolicy | None = None) -> None:
        self._fillers = policy.fillers if policy is not None else {}
        self.dropped: list[str] = []
        self.mismatch = False
        self.repaired: str | None = None
        self._raw: list[str] = []
        self._out: list[str] = []
        self._history: list[str] = []
        self._emitted = False
        self._failed = False
        # The grammar: what is expected next, the closing brackets that are open, and the token in progress.
        self._expect = "object"
        self._stack: list[str] = []
        self._escape = 0
        self._literal = ""
        # The member of the top level that is held: its text, its key, and the text before it.
        self._held: list[str] | None = None
        self._key: list[str] | None = None
        self._name = ""
        self._written = 0

    # -- input ----------------------------------------------------------------------------------------

    def feed(self, delta: str) -> str:
        """The text that may be shown now."""
        self._raw.append(delta)
        if self._failed:
            return ""
        at, size = 0, len(delta)
        while at < size and not self._failed:
            at = self._step(delta, at, size)
        return self._taken()

    def extend(self, final: str) -> str:
        """The part of ``final`` (all arguments so far) that has not been fed yet, where it continues it."""
        raw = "".join(self._raw)
        return self.feed(final[len(raw) :]) if final.startswith(raw) else ""

    def finish(self, final: str | None = None) -> str:
        """The missing rest. ``final``: all arguments by the upstream's last word, None when it has none."""
        raw = "".join(self._raw)
        out = ""
        if final is not None and final != raw:
            if final.startswith(raw) and not self._failed:
                out = self.feed(final[len(raw) :])
            elif not self._emitted:
                self._restart()
                out = self.feed(final)
            else:
                return self._reconciled(final)
        if not self._failed and self._expect == "end":
            return out
        if not self._emitted and not out:
            return self._wrapped(final if final is not None else raw)
        self.mismatch = True
        return out + self._closing()

    # -- ends -----------------------------------------------------------------------------------------

    def _restart(self) -> None:
        fillers = self._fillers
        self.__init__(FillerPolicy(fillers))  # type: ignore[misc]

    def _reconciled(self, final: str) -> str:
        """The final text is not a continuation of what was fed: it still may be one of what was shown."""
        shown = "".join(self._history)
        fresh = ArgumentScanner(FillerPolicy(self._fillers))
        whole = fresh.finish(final)
        if not fresh.repaired and whole.startswith(shown):
            self.dropped = fresh.dropped
            self._expect = "end"
            return whole[len(shown) :]
        self.mismatch = True
        return self._closing()

    def _wrapped(self, text: str) -> str:
        if not text.strip():
            return ""
        try:
            value = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            self.repaired = "raw_arguments"
            return msgspec.json.encode({"_raw_arguments": text}).decode()
        if isinstance(value, dict):
            # An object that only this scanner refused (nested too deeply): it is passed as it is.
            return text
        self.repaired = "wrapped_value"
        return '{"value":' + text.strip() + "}"

    def _closing(self) -> str:
        """The least text that makes what was shown a valid object."""
        shown = "".join(self._history)
        return completion(shown)

    # -- output ---------------------------------------------------------------------------------------

    def _taken(self) -> str:
        if not self._out:
            return ""
        text = "".join(self._out)
        self._out = []
        if text:
            self._emitted = True
            self._history.append(text)
        return text

    def _write(self, text: str) -> None:
        if self._held is not None:
            self._held.append(text)
        else:
            self._out.append(text)

    # -- grammar --------------------------------------------------------------------------------------

    def _step(self, text: str, at: int, size: int) -> int:
        expect = self._expect
        if expect == "string" or expect == "key":
            return self._string(text, at, size)
        if expect == "literal":
            return self._in_literal(text, at, size)
        if text[at] in _SPACE:
            end = _IN_SPACE.match(text, at).end()  # type: ignore[union-attr]
            if not (expect == "object" or expect == "end"):
                self._write(text[at:end])
            return end
        return self._structure(text[at], text, at)

    def _structure(self, sign: str, text: str, at: int) -> int:
        expect = self._expect
        if expect == "value" or expect == "value or ]":
            return self._value(sign, text, at)
        if expect == "object" and sign == "{":
            self._write("{")
            self._stack.append("}")
            self._expect = "key or }"
        elif expect in ("key or }", "key only") and sign == '"':
            self._begin_key()
        elif expect == "colon" and sign == ":":
            self._write(":")
            self._expect = "value"
        elif expect == "comma" and sign == ",":
            self._comma()
        elif (expect == "comma" or expect == "key or }") and sign == self._stack[-1]:
            self._close(sign)
        else:
            self._failed = True
        return at + 1

    def _begin_key(self) -> None:
        if len(self._stack) == 1:
            self._key = []
            if self._held is None and self._fillers:
                self._held = []
        else:
            self._release()
        self._write('"')
        self._expect = "key"

    def _comma(self) -> None:
        if len(self._stack) == 1:
            # Written with the member that follows; a dropped one takes it along.
            self._held = [","] if self._written else []
            self._expect = "key only"
            return
        self._write(",")
        self._expect = "key only" if self._stack[-1] == "}" else "value"

    def _close(self, sign: str) -> None:
        if len(self._stack) == 1:
            self._held = None
        self._stack.pop()
        self._write(sign)
        if self._stack:
            self._value_done()
        else:
            self._expect = "end"

    def _value(self, sign: str, text: str, at: int) -> int:
        nested = len(self._stack) > 1
        if nested and sign != "]":
            self._release()
        held = self._held is not None and not nested
        if sign == '"':
            self._write('"')
            self._expect = "string"
            return at + 1
        if sign in "{[":
            if len(self._stack) >= _MAX_DEPTH:
                self._failed = True
                return at + 1
            self._write(sign)
            self._stack.append("}" if sign == "{" else "]")
            self._expect = "key or }" if sign == "{" else "value or ]"
            return at + 1
        if sign == "]" and self._expect == "value or ]":
            self._close(sign)
            return at + 1
        if sign in "-0123456789tfn":
            if held and sign != "n":
                self._release()
            self._literal = ""
            self._expect = "literal"
            return at
        self._failed = True
        return at + 1

    def _string(self, text: str, at: int, size: int) -> int:
        if self._escape:
            return self._in_escape(text, at)
        end = _IN_STRING.match(text, at).end()  # type: ignore[union-attr]
        if end > at:
            self._content(text[at:end])
            if end == size:
                return end
        sign = text[end]
        if sign == '"':
            self._write('"')
            if self._expect == "key":
                self._key_done()
            else:
                self._value_done()
        elif sign == "\\":
            self._content("\\")
            self._escape = 1
        else:
            self._failed = True
        return end + 1

    def _content(self, piece: str) -> None:
        if self._expect == "key":
            if self._key is not None and len(self._stack) == 1:
                self._key.append(piece)
        elif self._held is not None and len(self._stack) == 1:
            self._release()
        self._write(piece)

    def _in_escape(self, text: str, at: int) -> int:
        sign = text[at]
        if self._escape == 1:
            if sign not in _ESCAPES:
                self._failed = True
                return at + 1
            self._escape = 2 if sign == "u" else 0
        else:
            if sign not in _HEX:
                self._failed = True
                return at + 1
            self._escape = 0 if self._escape == 5 else self._escape + 1
        self._content(sign)
        return at + 1

    def _in_literal(self, text: str, at: int, size: int) -> int:
        end = _LITERAL.match(text, at).end()  # type: ignore[union-attr]
        piece = text[at:end]
        if piece:
            self._literal += piece
            if not _literal_prefix(self._literal):
                self._failed = True
                return end
            if self._held is not None and len(self._stack) == 1 and not "null".startswith(self._literal):
                self._release()
            self._write(piece)
        if end < size:
            if not _literal_whole(self._literal):
                self._failed = True
                return end
            self._value_done()
        return end

    # -- members --------------------------------------------------------------------------------------

    def _key_done(self) -> None:
        self._expect = "colon"
        if len(self._stack) != 1 or self._key is None:
            return
        raw, self._key = "".join(self._key), None
        try:
            self._name = json.loads(f'"{raw}"', strict=False) if "\\" in raw else raw
        except ValueError:
            self._name = raw
        if self._name not in self._fillers:
            self._release()

    def _release(self) -> None:
        """The held member is no filler: it and what led to it are written."""
        if self._held is not None:
            held, self._held = self._held, None
            self._out.extend(held)

    def _value_done(self) -> None:
        self._expect = "comma"
        if len(self._stack) != 1:
            return
        if self._held is not None:
            value = _value_text("".join(self._held))
            if value in self._fillers.get(self._name, ()):
                self.dropped.append(self._name)
                self._held = None
                return
            self._release()
        self._written += 1


def _value_text(member: str) -> str:
    """The value of a held member (key, colon, value), without blanks; fillers have none inside that matter."""
    value = member[member.rindex('":') + 2 :] if '":' in member else member.rpartition(":")[2]
    return "".join(value.split())


def _refuse(_: str) -> Any:
    raise ValueError("not JSON")


def _literal_prefix(text: str) -> bool:
    if text[0] in "tfn":
        return any(word.startswith(text) for word in ("true", "false", "null"))
    found = _NUMBER_PREFIX.match(text)
    return found is not None and found.end() == len(text)


def _literal_whole(text: str) -> bool:
    return text in ("true", "false", "null") or _NUMBER.fullmatch(text) is not None


def filtered(text: str, policy: FillerPolicy | None) -> str:
    """All of ``text`` through a scanner at once: the oracle that streaming must equal."""
    scanner = ArgumentScanner(policy)
    return scanner.feed(text) + scanner.finish(text)
