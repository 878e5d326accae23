"""The tokenizer, loaded from the shipped vocabulary.

Invariants: nothing is downloaded; the vocabulary's bytes are checked by hash; it is loaded once, at first use
(about half a second), and is safe to use from several threads.
"""

from __future__ import annotations

import base64
import hashlib
import lzma
from functools import lru_cache
from pathlib import Path

import tiktoken

VOCABULARY = Path(__file__).parent / "vocab" / "o200k_base.tiktoken.xz"
SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
# The split pattern of o200k_base, as OpenAI publishes it with the vocabulary.
_PATTERN = "|".join(
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


class VocabularyDamaged(RuntimeError):
    """The shipped vocabulary is not the published one."""


@lru_cache(maxsize=1)
def encoding() -> tiktoken.Encoding:
    """The o200k_base encoding. Raises VocabularyDamaged."""
    raw = lzma.decompress(VOCABULARY.read_bytes())
    if hashlib.sha256(raw).hexdigest() != SHA256:
        raise VocabularyDamaged(f"{VOCABULARY.name} does not have the published sha256")
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in raw.splitlines() if line)}
    return tiktoken.Encoding(
        name="o200k_base",
        pat_str=_PATTERN,
        mergeable_ranks=ranks,
        special_tokens={"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
    )


def length(text: str) -> int:
    """Tokens of ``text``; what looks like a special token is counted as its characters."""
    try:
        return len(encoding().encode(text, disallowed_special=()))
    except UnicodeError:
        return len(encoding().encode(text.encode("utf-8", "replace").decode(), disallowed_special=()))


def cut(text: str, tokens: int) -> str:
    """The first ``tokens`` tokens of ``text``, whole characters only."""
    ids = encoding().encode(text, disallowed_special=())
    if len(ids) <= tokens:
        return text
    return encoding().decode_bytes(ids[:tokens]).decode("utf-8", "ignore")
