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
from typing import Any, Literal

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


# The sources of the rows: the page against which a row can be checked, and where a fact was seen that it does not tell.
_PAGES = "https://developers.openai.com/api/docs/models/"
_LATEST = "https://developers.openai.com/api/docs/guides/latest-model"
_RECORDED = "errors and echoed defaults in recorded traffic"
_MATRIX = "opencode #26268 (values that the API named when it refused others)"
_NO_VERBOSITY = "litellm #16735, openai/codex #9035 (verbosity is refused)"

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
)
_GPT5 = Capabilities(
    "gpt-5",
    efforts=("minimal", "low", "medium", "high"),
    sampling="never",
    context_window=400_000,
    max_input=272_000,
    max_output=128_000,
    verbosity=True,
)
_GPT51 = replace(_GPT5, family="gpt-5.1", efforts=("none", "low", "medium", "high"), sampling="without_reasoning")
_GPT52 = replace(_GPT51, family="gpt-5.2", efforts=("none", "low", "medium", "high", "xhigh"))
_GPT53_CODEX = replace(_GPT5, family="gpt-5.3", efforts=("low", "medium", "high", "xhigh"), phase=True)
_GPT54 = replace(_GPT52, family="gpt-5.4", phase=True, context_window=1_050_000, max_input=922_000, tool_search=True)
_GPT54_SMALL = replace(_GPT54, context_window=400_000, max_input=272_000)
_GPT55 = replace(_GPT54, family="gpt-5.5")
_GPT56 = replace(_GPT54, family="gpt-5.6", efforts=("none", "low", "medium", "high", "xhigh", "max"), breakpoints=True)
_O_SERIES = Capabilities(
    "o", efforts=CLASSIC, sampling="never", context_window=200_000, max_input=200_000, max_output=100_000
)
# The first two reason by themselves: no effort, no developer or system messages, text only.
_O1_EARLY = Capabilities(
    "o1",
    sampling="never",
    developer_role=False,
    images=False,
    files=False,
    structured_output=False,
    encrypted_reasoning=False,
)
_GPT41 = Capabilities("gpt-4.1", context_window=1_047_576, max_input=1_047_576, max_output=32_768)
_GPT4O = Capabilities("gpt-4o")
_GPT4 = Capabilities(
    "gpt-4",
    context_window=8_192,
    max_input=8_192,
    max_output=8_192,
    images=False,
    files=False,
    structured_output=False,
)
_GPT4_TURBO = replace(_GPT4, context_window=128_000, max_input=128_000, max_output=4_096)
_GPT35 = replace(_GPT4, family="gpt-3.5", context_window=16_385, max_input=16_385, max_output=4_096)
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
_CODEX_EFFORTS = ("low", "medium", "high", "xhigh")
_PRO_EFFORTS = ("medium", "high", "xhigh")


def _row(base: Capabilities, *sources: str, **changes: Any) -> Capabilities:
    """``base`` with ``changes``. A source without a scheme is the name of a model page, or a place in words."""
    told = [f"{_PAGES}{source}" if re.fullmatch(r"[a-z0-9.-]+", source) else source for source in sources]
    return replace(base, source="; ".join(told), **changes)


_TABLE: dict[str, Capabilities] = {
    "gpt-6": _row(_GPT6, "gpt-6-sol", _LATEST),
    "gpt-6-astra": _row(_GPT6, "gpt-6-astra", _LATEST, efforts=_ASTRA_EFFORTS, sampling="never"),
    "gpt-6.1-sol": _row(_GPT6, "gpt-6.1-sol", _LATEST, family="gpt-6.1", efforts=_ASTRA_EFFORTS),
    "gpt-6.1": _row(_GPT6, "gpt-6.1-terra", _LATEST, family="gpt-6.1"),
    "gpt-6.2": _row(_GPT6, "gpt-6.2-sol", _LATEST, family="gpt-6.2"),
    "gpt-6.2-astra": _row(_GPT6, "gpt-6.2-astra", family="gpt-6.2", efforts=_ASTRA_EFFORTS, sampling="never"),
    # Names of access programs, which are served by models of these families: what all of them take.
    "gpt-daybreak": _row(
        _GPT6,
        "https://developers.openai.com/api/docs/guides/daybreak (it does not say which model the names stand for)",
        efforts=_CODEX_EFFORTS,
        sampling="never",
    ),
    "gpt-rosalind": _row(
        _GPT6,
        "a literal of the openai package 3.54.0, taken to be of the family of gpt-6-rosalind",
        efforts=_CODEX_EFFORTS,
        sampling="never",
    ),
    "gpt-5.6": _row(_GPT56, "gpt-5.6-sol", _RECORDED),
    "gpt-5.5": _row(_GPT55, "gpt-5.5", _MATRIX),
    "gpt-5.5-pro": _row(_GPT55, "gpt-5.5-pro", "models.dev #2296", efforts=_PRO_EFFORTS, sampling="never"),
    "gpt-5.4": _row(_GPT54, "gpt-5.4", _RECORDED),
    "gpt-5.4-mini": _row(_GPT54_SMALL, "gpt-5.4-mini", _RECORDED),
    "gpt-5.4-nano": _row(_GPT54_SMALL, "gpt-5.4-nano", _RECORDED),
    "gpt-5.4-pro": _row(_GPT54, "gpt-5.4-pro", "models.dev #2296", efforts=_PRO_EFFORTS, sampling="never"),
    "gpt-5.3-codex": _row(_GPT53_CODEX, "gpt-5.3-codex", "models.dev #2296"),
    "gpt-5.3-chat": _row(_GPT4O, "gpt-5.3-chat-latest", family="gpt-5.3"),
    "gpt-5.2": _row(_GPT52, "gpt-5.2", _RECORDED),
    "gpt-5.2-pro": _row(_GPT52, "gpt-5.2-pro", efforts=_PRO_EFFORTS, sampling="never"),
    "gpt-5.2-codex": _row(
        _GPT52, "gpt-5.2-codex", _NO_VERBOSITY, efforts=_CODEX_EFFORTS, sampling="never", verbosity=False
    ),
    "gpt-5.2-chat": _row(_GPT4O, "gpt-5.2-chat-latest", family="gpt-5.2"),
    "gpt-5.1": _row(_GPT51, "gpt-5.1", _RECORDED),
    "gpt-5.1-codex": _row(
        _GPT51,
        "gpt-5.1-codex",
        "openai/codex #6647 (none is refused)",
        _NO_VERBOSITY,
        efforts=CLASSIC,
        sampling="never",
        verbosity=False,
    ),
    "gpt-5.1-codex-max": _row(
        _GPT51, "gpt-5.1-codex-max", _NO_VERBOSITY, efforts=_CODEX_EFFORTS, sampling="never", verbosity=False
    ),
    "gpt-5.1-chat": _row(_GPT4O, "gpt-5.1-chat-latest", family="gpt-5.1"),
    "gpt-5": _row(_GPT5, "gpt-5", _RECORDED),
    "gpt-5-pro": _row(_GPT5, "gpt-5-pro", efforts=("high",)),
    "gpt-5-codex": _row(_GPT5, "gpt-5-codex", _NO_VERBOSITY, efforts=CLASSIC, verbosity=False),
    "gpt-5-chat": _row(_GPT4O, "gpt-5-chat-latest", family="gpt-5"),
    "gpt-4.1": _row(_GPT41, "gpt-4.1", _RECORDED),
    "gpt-4o": _row(_GPT4O, "gpt-4o", _RECORDED),
    "gpt-4o-2024-05-13": _row(_GPT4O, "gpt-4o", max_output=4_096, structured_output=False),
    "gpt-4": _row(_GPT4, "gpt-4"),
    "gpt-4-32k": _row(_GPT4, "gpt-4", context_window=32_768, max_input=32_768),
    "gpt-4-turbo": _row(_GPT4_TURBO, "gpt-4-turbo", images=True),
    "gpt-4-turbo-preview": _row(_GPT4_TURBO, "gpt-4-turbo-preview"),
    "gpt-4-1106-preview": _row(_GPT4_TURBO, "gpt-4-turbo-preview"),
    "gpt-4-0125-preview": _row(_GPT4_TURBO, "gpt-4-turbo-preview"),
    "gpt-4-vision-preview": _row(_GPT4_TURBO, "gpt-4-turbo", images=True),
    "gpt-3.5": _row(_GPT35, "gpt-3.5-turbo"),
    "gpt-3.5-turbo-0301": _row(_GPT35, "gpt-3.5-turbo", context_window=4_096, max_input=4_096),
    "gpt-3.5-turbo-0613": _row(_GPT35, "gpt-3.5-turbo", context_window=4_096, max_input=4_096),
    "o1": _row(_O_SERIES, "o1", family="o1"),
    "o1-mini": _row(_O1_EARLY, "o1-mini", max_output=65_536),
    "o1-preview": _row(_O1_EARLY, "o1-preview", max_output=32_768),
    "o3": _row(_O_SERIES, "o3", family="o3"),
    "o3-mini": _row(_O_SERIES, "o3-mini", family="o3", images=False, files=False),
    "o4": _row(_O_SERIES, "o4-mini", f"{_RECORDED} (it refuses minimal)", family="o4"),
    "codex-mini": _row(_O_SERIES, "codex-mini-latest", family="o4"),
    "computer-use-preview": _row(
        _O_SERIES,
        "computer-use-preview",
        family="computer-use",
        context_window=8_192,
        max_input=8_192,
        max_output=1_024,
    ),
    "chatgpt-4o": _row(_GPT4O, "chatgpt-4o-latest"),
}
_UPSTREAM_NAME = re.compile(r"(?:gpt|chatgpt|codex|computer-use)-\w|ft:\w|o\d(?:[-:]|$)")


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
