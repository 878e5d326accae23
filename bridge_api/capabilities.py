"""What each upstream model family accepts, as one table that translation, counting and errors read.

Invariants: every name has an answer (an unknown one gets ``UNKNOWN``, which promises little and forbids
nothing but what the Responses API documents for all models); the longest row that fits a name counts, whoever made
it, and of equally long ones the operator's; names are compared without case; each row says where it comes from
(``source``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

Sampling = Literal["always", "without_reasoning", "never"]

CLASSIC = ("low", "medium", "high")
EFFORT_ORDER = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The limits of one family.

    ``efforts``: accepted ``reasoning.effort`` values, weakest first; empty for a model that does not reason.
    ``sampling``: when temperature and top_p may be sent. Token figures are tokens. ``phase``: whether
    assistant messages carry commentary / final_answer. ``breakpoints``: explicit prompt-cache breakpoints
    and ``prompt_cache_options``. ``like``: the upstream model whose tokens it is counted as, where its own name
    does not tell (a deployment's name).
    """

    family: str
    efforts: tuple[str, ...] = ()
    sampling: Sampling = "always"
    context_window: int = 128_000
    max_input: int = 128_000
    max_output: int = 16_384
    phase: bool = False
    breakpoints: bool = False
    developer_role: bool = True
    images: bool = True
    files: bool = True
    structured_output: bool = True
    encrypted_reasoning: bool = True
    verbosity: bool = False
    tool_search: bool = False
    like: str = ""
    source: str = ""

    @property
    def reasons(self) -> bool:
        return bool(self.efforts)

    def clamp_effort(self, wanted: str) -> str | None:
        """The accepted effort nearest to ``wanted``: the next weaker one, else the weakest.

        None when the model takes no reasoning object or only one fixed behaviour.
        """
        if not self.efforts:
            return None
        if wanted in self.efforts:
            return wanted
        rank = EFFORT_ORDER.index(wanted)
        weaker = [effort for effort in self.efforts if EFFORT_ORDER.index(effort) <= rank]
        return weaker[-1] if weaker else self.efforts[0]


# The sources of the rows.
_TYPES = "literals of the openai package 3.54.0"
_PAGES = "OpenAI's model pages and guides (reasoning, prompt caching, tool search), November 2026"
_RECORDED = "errors and echoed defaults in recorded traffic"

_GPT6 = Capabilities(
    "gpt-6",
    efforts=("none", "low", "medium", "high", "xhigh", "max"),
    sampling="without_reasoning",
    context_window=1_050_000,
    max_input=922_000,
    max_output=128_000,
    phase=True,
    breakpoints=True,
    verbosity=True,
    tool_search=True,
    source=f"{_PAGES}; {_TYPES}",
)
_GPT5 = Capabilities(
    "gpt-5",
    efforts=("minimal", "low", "medium", "high"),
    sampling="never",
    context_window=400_000,
    max_input=272_000,
    max_output=128_000,
    verbosity=True,
    source=f"{_PAGES}; {_RECORDED}",
)
_GPT51 = replace(_GPT5, family="gpt-5.1", efforts=("none", "low", "medium", "high"), sampling="without_reasoning")
_GPT52 = replace(_GPT51, family="gpt-5.2", efforts=("none", "low", "medium", "high", "xhigh"))
_GPT53_CODEX = replace(_GPT5, family="gpt-5.3", efforts=("low", "medium", "high", "xhigh"), phase=True)
_GPT54 = replace(_GPT52, family="gpt-5.4", phase=True, context_window=1_050_000, max_input=922_000, tool_search=True)
_GPT54_SMALL = replace(_GPT54, context_window=400_000, max_input=272_000)
_GPT56 = replace(_GPT54, family="gpt-5.6", efforts=("none", "low", "medium", "high", "xhigh", "max"), breakpoints=True)
_O_SERIES = Capabilities(
    "o",
    efforts=CLASSIC,
    sampling="never",
    context_window=200_000,
    max_input=200_000,
    max_output=100_000,
    source=f"{_PAGES}; {_RECORDED} (o4-mini refuses minimal)",
)
_GPT41 = Capabilities(
    "gpt-4.1", context_window=1_047_576, max_input=1_047_576, max_output=32_768, source=f"{_PAGES}; {_RECORDED}"
)
_GPT4O = Capabilities("gpt-4o", source=f"{_PAGES}; {_RECORDED}")
_GPT4 = Capabilities(
    "gpt-4",
    context_window=8_192,
    max_input=8_192,
    max_output=8_192,
    images=False,
    files=False,
    structured_output=False,
    source=_PAGES,
)
UNKNOWN = Capabilities(
    "unknown",
    efforts=CLASSIC,
    sampling="always",
    context_window=1_000_000,
    max_input=1_000_000,
    max_output=128_000,
    encrypted_reasoning=True,
    source="nothing is known of the model",
)

_ASTRA_EFFORTS = ("low", "medium", "high", "xhigh", "max")

_TABLE: dict[str, Capabilities] = {
    "gpt-6": _GPT6,
    "gpt-6-astra": replace(_GPT6, efforts=_ASTRA_EFFORTS, sampling="never"),
    "gpt-6.1-sol": replace(_GPT6, family="gpt-6.1", efforts=_ASTRA_EFFORTS),
    "gpt-6.1": replace(_GPT6, family="gpt-6.1"),
    "gpt-6.2": replace(_GPT6, family="gpt-6.2"),
    "gpt-6.2-astra": replace(_GPT6, family="gpt-6.2", efforts=_ASTRA_EFFORTS, sampling="never"),
    "gpt-5.6": _GPT56,
    "gpt-5.5": replace(_GPT54, family="gpt-5.5"),
    "gpt-5.5-pro": replace(_GPT54, family="gpt-5.5", efforts=("medium", "high", "xhigh"), sampling="never"),
    "gpt-5.4": _GPT54,
    "gpt-5.4-mini": _GPT54_SMALL,
    "gpt-5.4-nano": _GPT54_SMALL,
    "gpt-5.3-codex": _GPT53_CODEX,
    "gpt-5.3-chat": replace(_GPT4O, family="gpt-5.3"),
    "gpt-5.2": _GPT52,
    "gpt-5.2-pro": replace(_GPT52, efforts=("medium", "high", "xhigh"), sampling="never"),
    "gpt-5.2-chat": replace(_GPT4O, family="gpt-5.2"),
    "gpt-5.1": _GPT51,
    "gpt-5.1-codex-max": replace(_GPT51, efforts=("none", "low", "medium", "high", "xhigh")),
    "gpt-5.1-chat": replace(_GPT4O, family="gpt-5.1"),
    "gpt-5": _GPT5,
    "gpt-5-pro": replace(_GPT5, efforts=("high",)),
    "gpt-5-codex": replace(_GPT5, efforts=CLASSIC),
    "gpt-5-chat": replace(_GPT4O, family="gpt-5"),
    "gpt-4.1": _GPT41,
    "gpt-4o": _GPT4O,
    "gpt-4": _GPT4,
    "gpt-4-turbo": replace(_GPT4, context_window=128_000, max_input=128_000, max_output=4_096, images=True),
    "gpt-3.5": replace(_GPT4, family="gpt-3.5", context_window=16_385, max_input=16_385, max_output=4_096),
    "o1": replace(_O_SERIES, family="o1"),
    "o3": replace(_O_SERIES, family="o3"),
    "o4": replace(_O_SERIES, family="o4"),
    "codex-mini": replace(_O_SERIES, family="o4"),
    "computer-use-preview": replace(_O_SERIES, family="computer-use", context_window=8_192, max_output=1_024),
    "chatgpt-4o": _GPT4O,
}
_UPSTREAM_NAME = re.compile(r"(gpt-|chatgpt-|codex-|computer-use-|ft:|o\d)")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by the beginning of a model's name. ``own`` are the operator's, by names in lower case."""

    own: Mapping[str, Capabilities] = field(default_factory=dict)

    def of(self, model: str) -> Capabilities:
        """The capabilities of an upstream model name (a fine-tuned ``ft:`` name has its base model's).

        The longest of all rows that fit, so that an own row for ``gpt-5`` does not speak for ``gpt-5-pro``, which has
        one of its own; of two that are equally long the operator's.
        """
        if self.own:
            name = model.casefold()
            found = _longest(self.own, name) or _longest(self.own, name.removeprefix("ft:"))
            if found is not None and len(found) >= len(_longest(_TABLE, name.removeprefix("ft:")) or ""):
                return self.own[found]
        return of(model)


def _longest(rows: Iterable[str], model: str) -> str | None:
    """The longest row that ``model`` is, or begins with up to the end of a word: a point ends none, since ``gpt-5.4``
    is no kind of ``gpt-5``."""
    fitting = [row for row in rows if model == row or (model.startswith(row) and model[len(row)] in "-:@/")]
    return max(fitting, key=len, default=None)


@lru_cache(maxsize=512)
def of(model: str) -> Capabilities:
    """The built-in row of an upstream model name (a fine-tuned ``ft:`` name has its base model's)."""
    found = _longest(_TABLE, model.casefold().removeprefix("ft:"))
    return UNKNOWN if found is None else _TABLE[found]


def built_in() -> Mapping[str, Capabilities]:
    """All built-in rows by the beginning of a model's name."""
    return MappingProxyType(_TABLE)


def is_upstream_model(name: str) -> bool:
    """Whether a name that a client asked for is itself a model of the upstream."""
    return _UPSTREAM_NAME.match(name) is not None


# Claude names whose API thinks when the request says nothing about it (Anthropic's extended-thinking
# documentation): older models think only when asked, so their clients do not expect thinking blocks.
_THINKS_ONLY_WHEN_ASKED = re.compile(r"claude-(?:[123]|instant|(?:opus|sonnet|haiku)-[34](?:-|$))")


@lru_cache(maxsize=512)
def thinks_by_default(asked: str) -> bool:
    """Whether the client of model ``asked`` expects thinking blocks without having asked for them."""
    return asked.startswith("claude-") and _THINKS_ONLY_WHEN_ASKED.match(asked) is None
