"""Stop sequences, which the Responses API does not have: a scanner over the text as it streams.

Theory. The match that ends a text is the one that starts first; of those that start at the same place the
shortest. Text is held back only while it could still be the beginning of such a match: from the first place
where a suffix of the text is a proper prefix of some sequence.

Invariants: the output is the same however the text was split; it works on code points and changes nothing;
each code point is looked at a bounded number of times (the held text is shorter than the longest sequence).

Source: ``stop_sequences`` in Anthropic's API reference: the matched text is not part of the output.
"""

from __future__ import annotations

from collections.abc import Sequence


class StopScanner:
    """One block of text. ``matched`` is the sequence that ended it, or None."""

    __slots__ = ("_firsts", "_held", "_longest", "_sequences", "matched")

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = tuple(sorted({sequence for sequence in sequences if sequence}, key=len))
        self._longest = max(map(len, self._sequences), default=0)
        self._firsts = frozenset(sequence[0] for sequence in self._sequences)
        self._held = ""
        self.matched: str | None = None

    def feed(self, delta: str) -> tuple[str, str | None]:
        """(text that may be shown now, the sequence that was matched or None)."""
        if self.matched is not None:
            return "", self.matched
        text = self._held + delta
        start, sequence = self._earliest(text)
        safe = self._safe_length(text, start if sequence is not None else len(text))
        if sequence is not None and safe >= start:
            self.matched, self._held = sequence, ""
            return text[:start], sequence
        self._held = text[safe:]
        return text[:safe], None

    def flush(self) -> str:
        """The text still held when the block ends without a (whole) match."""
        if self.matched is not None:
            return ""
        held, self._held = self._held, ""
        start, sequence = self._earliest(held)
        if sequence is not None:
            self.matched = sequence
            return held[:start]
        return held

    def _earliest(self, text: str) -> tuple[int, str | None]:
        best, found = len(text), None
        for sequence in self._sequences:
            at = text.find(sequence, 0, best + len(sequence) - 1) if found else text.find(sequence)
            if at != -1 and at < best:
                best, found = at, sequence
        return best, found

    def _safe_length(self, text: str, limit: int) -> int:
        """The first place before ``limit`` where an unfinished match could begin, else ``limit``."""
        for at in range(max(0, len(text) - self._longest + 1), min(limit, len(text))):
            if text[at] in self._firsts:
                tail = text[at:]
                if any(len(tail) < len(sequence) and sequence.startswith(tail) for sequence in self._sequences):
                    return at
        return limit
