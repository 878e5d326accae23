"""What each model family bills around the texts of a request, as one table.

Why: every other figure of a count is the length of a text that follows from the request; these constants are
the rest, and they change with the models, so they stand in one place with their reasons.

Invariants: every model name has a family; an unknown one is counted as the newest (its requests look most
like what a model released tomorrow will be sent).

Source: each figure is the number of control tokens in the frame that the upstream renders, checked against
recorded bills (docs/token-counting.md has the figures and how many bills confirm each).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from bridge_api import capabilities


@dataclass(frozen=True, slots=True)
class Family:
    """Control tokens of one family.

    request     once for each request: the opening of the answer that the model continues
    message     around each message: start, role, separator, end
    assistant   more for a message of the assistant: its channel
    commentary  more where that channel is ``commentary``, whose name is a token longer than the others'
    tools       around the rendered functions: headings and the message that holds them
    undescribed more when the first function has no description (its opening brace merges with the comment's
                slashes otherwise)
    call        around a call: start, role, recipient, channel, format, end; the name and arguments not included
    result      around a call's output; the name (its author) not included
    written     around a call as the model writes it; two more after reasoning
    sampled     more for a call that the server still holds as the model wrote it: the model writes a longer
                header than the one that the server writes for a call it is only told about
    bundles     neighbouring calls are one call of ``multi_tool_use.parallel`` with their JSON
    forces      the server writes the header of a forced call into the request
    schema      around an output schema
    serial      what ``parallel_tool_calls: false`` adds beside functions (an instruction in words)
    keeps_reasoning  reasoning before the last user message is read again (else the server drops it)
    reasoning_bytes  plain bytes of a token of encrypted reasoning, on average
    web_search  the description of the declared web search tool
    """

    name: str
    request: int
    message: int
    assistant: int
    commentary: int
    tools: int
    undescribed: int
    call: int
    result: int
    written: int
    sampled: int
    bundles: bool
    forces: bool
    schema: int
    serial: int
    keeps_reasoning: bool
    reasoning_bytes: float
    web_search: int


CHAT = Family(
    name="chat",
    request=3,
    message=4,
    assistant=0,
    commentary=0,
    tools=3,
    undescribed=0,
    call=6,
    result=3,
    written=7,
    sampled=3,
    bundles=False,
    forces=True,
    schema=7,
    serial=0,
    keeps_reasoning=False,
    reasoning_bytes=4.9,
    web_search=294,
)
# gpt-4 and gpt-3.5 are read with cl100k_base, which is not shipped: their texts are approximate.
CLASSIC = replace(CHAT, name="classic", request=2)
HARMONY = Family(
    name="harmony",
    request=2,
    message=4,
    assistant=2,
    commentary=1,
    tools=9,
    undescribed=-1,
    call=10,
    result=5,
    written=10,
    sampled=3,
    bundles=False,
    forces=False,
    schema=6,
    serial=78,
    keeps_reasoning=False,
    reasoning_bytes=4.9,
    web_search=4_290,
)
O_SERIES = replace(HARMONY, name="o-series", tools=6, undescribed=0)
# In gpt-5.4, and again from gpt-5.6 on, the server writes the long header itself, and bundles neighbouring calls.
LATE = replace(HARMONY, name="gpt-5.4", call=13, sampled=0, bundles=True, reasoning_bytes=5.05)
GPT55 = replace(HARMONY, name="gpt-5.5", reasoning_bytes=5.05)
# From gpt-5.6 on the reasoning of all turns is read again.
ALL_TURNS = replace(LATE, name="gpt-5.6 and later", keeps_reasoning=True)

_BY_CAPABILITIES = {
    "gpt-3.5": CLASSIC,
    "gpt-4": CLASSIC,
    "gpt-4o": CHAT,
    "gpt-4.1": CHAT,
    "o1": O_SERIES,
    "o3": O_SERIES,
    "o4": O_SERIES,
    "gpt-5": HARMONY,
    "gpt-5.1": HARMONY,
    "gpt-5.2": HARMONY,
    "gpt-5.3": HARMONY,
    "gpt-5.5": GPT55,
    "gpt-5.4": LATE,
    "computer-use": HARMONY,
}


@lru_cache(maxsize=512)
def family_of(model: str) -> Family:
    """The family of an upstream model name; unknown names are counted as the newest one."""
    return _BY_CAPABILITIES.get(capabilities.of(model).family, ALL_TURNS)
