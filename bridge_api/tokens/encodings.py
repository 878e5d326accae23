"""The tokenizer, loaded from the vocabulary that is shipped with the bridge.

Invariants: the only importer of tiktoken; nothing is downloaded; the vocabulary's bytes are checked by hash; it
is loaded once, at first use or by ``warm``, by one thread while the others wait (about a quarter of a second);
a text of any length is encoded in pieces of bounded size, because the time for one unbroken run of letters
grows faster than its length.
"""

from __future__ import annotations

import base64
import hashlib
import lzma
from pathlib import Path
from threading import Lock, Thread

import tiktoken

VOCABULARY = Path(__file__).parent / "vocab" / "o200k_base.tiktoken.xz"
SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
# The split pattern of o200k_base, as OpenAI publishes it with the vocabulary (a test compares the two).
PATTERN = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
SPECIAL = {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}
PIECE = 100_000

_lock = Lock()
_loaded: list[tiktoken.Encoding] = []


class VocabularyDamaged(RuntimeError):
    """The shipped vocabulary is not the published one."""


def encoding() -> tiktoken.Encoding:
    """The o200k_base encoding. Raises VocabularyDamaged."""
    if not _loaded:
        with _lock:
            if not _loaded:
                _loaded.append(load(VOCABULARY))
    return _loaded[0]


def is_loaded() -> bool:
    """Whether ``length`` answers without loading first."""
    return bool(_loaded)


def warm() -> None:
    """Begins to load in the background."""
    if not _loaded:
        Thread(target=encoding, name="tokens-warm", daemon=True).start()


def load(vocabulary: Path) -> tiktoken.Encoding:
    """Reads ``vocabulary`` (xz of tiktoken's format). Raises VocabularyDamaged."""
    try:
        raw = lzma.decompress(vocabulary.read_bytes())
    except (OSError, lzma.LZMAError) as error:
        raise VocabularyDamaged(f"{vocabulary.name} cannot be read: {error}") from error
    if hashlib.sha256(raw).hexdigest() != SHA256:
        raise VocabularyDamaged(f"{vocabulary.name} does not have the published sha256")
    decode = base64.b64decode
    ranks = {decode(token): int(rank) for token, rank in (line.split() for line in raw.splitlines())}
    return tiktoken.Encoding(name="o200k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=SPECIAL)


def length(text: str) -> int:
    """Tokens of ``text``; what looks like a special token is counted as its characters."""
    if len(text) <= PIECE:
        return _length(text)
    total = at = 0
    while at < len(text):
        end = at + PIECE
        # A piece ends before a space where there is one near, as the tokenizer's own pieces do.
        space = text.rfind(" ", at + 1, end) if end < len(text) else -1
        end = space if space > at + PIECE // 2 else end
        total += _length(text[at:end])
        at = end
    return total


def _length(text: str) -> int:
    try:
        return len(encoding().encode_ordinary(text))
    except UnicodeError:
        return len(encoding().encode_ordinary(text.encode("utf-8", "replace").decode()))


def cut(text: str, tokens: int) -> str:
    """The first ``tokens`` tokens of ``text``, whole characters only."""
    ids = encoding().encode_ordinary(text)
    if len(ids) <= tokens:
        return text
    return encoding().decode_bytes(ids[:tokens]).decode("utf-8", "ignore")
