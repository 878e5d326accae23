"""A row of the trail as its page and its line in the list show it.

Invariants: every value from a row is escaped (``format_html`` and templates only); what is long is cut; what nobody
knows is not shown as nothing; nothing is read that the row does not hold already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit import charts, words
from audit.folding import content_of, masked_of
from audit.models import AuditRecord, Outcome, UpstreamAttempt

LABEL = "unfold/helpers/label.html"
SHORT = 10
DASH = "–"
UNKNOWN = "unknown"
ORDER = ("messages", "tools", "images", "documents")


# --- a line in the list -------------------------------------------------------------------------------------------


def two_lines(first: Any, second: Any = "", title: str = "") -> SafeString:
    """A cell: what matters, and smaller below what explains it."""
    below = format_html('<span class="au-below">{}</span>', second) if second not in ("", None) else ""
    return format_html('<span class="au-cell" title="{}"><span>{}</span>{}</span>', title, first, below)


def time_of(row: AuditRecord) -> SafeString:
    return two_lines(f"{row.received_at:%H:%M:%S}", f"{row.received_at:%Y-%m-%d}", f"{row.received_at.isoformat()}")


def model_of(row: AuditRecord) -> SafeString:
    served = f"→ {row.model_served}" if row.model_served and row.model_served != row.model_asked else ""
    return two_lines(row.model_asked or DASH, served, f"{row.model_asked} {served}".strip())


def tokens_of(row: AuditRecord) -> SafeString:
    whole = input_of(row)
    if not whole and not row.output_tokens:
        return two_lines(DASH)
    below = f"{charts.share(row.cached_tokens, whole)} cached" if row.cached_tokens else ""
    title = f"{whole:,} in, of them {row.cached_tokens:,} from the cache; {row.output_tokens:,} out"
    return two_lines(f"{charts.number(whole)} / {charts.number(row.output_tokens)}", below, title)


def cost_of(row: AuditRecord) -> str:
    return DASH if row.cost is None else charts.dollars(row.cost)


def end_known(row: AuditRecord) -> bool:
    """Whether the row tells how the request ended. That of an interrupted one is the time at which it was found."""
    return row.finished_at is not None and row.outcome != Outcome.INTERRUPTED


def took(row: AuditRecord) -> str:
    """How long the request took, in words."""
    if end_known(row):
        return charts.milliseconds(row.duration_ms)
    return DASH if row.finished_at is None else UNKNOWN


def tries_of(row: AuditRecord) -> str:
    if not end_known(row):
        return DASH
    again = "au-again" if row.attempt_count > 1 else "au-once"
    return format_html('<span class="{}">{}</span>', again, row.attempt_count)


def duration_of(row: AuditRecord) -> SafeString:
    if not end_known(row):
        return two_lines(took(row))
    first = f"first {charts.milliseconds(row.first_token_ms)}" if row.first_token_ms is not None else ""
    return two_lines(charts.milliseconds(row.duration_ms), first, "until the end, and until the first token")


def ending_of(row: AuditRecord) -> SafeString:
    """The outcome as a label, and below it why it stopped or what went wrong."""
    outcome = outcome_of(row)
    label = render_to_string(LABEL, {"text": outcome["label"], "type": outcome["colour"], "size": "md"})
    if row.error_code or row.error_type:
        said, title = row.error_code or row.error_type, f"{row.error_type} {row.error_code}".strip()
    else:
        said, title = row.stop_reason, outcome["words"]
    status = str(row.status) if row.status not in (0, 200) else ""
    said = said if row.outcome != Outcome.INTERRUPTED else "end unknown"
    return two_lines(label, " · ".join(filter(None, (status, said))), title)


def correlation_of(row: AuditRecord) -> SafeString:
    text = row.correlation_id
    shown = text if len(text) <= SHORT else f"{text[: SHORT - 2]}…"
    return format_html('<a class="au-link au-mono" href="{}" title="{}">{}</a>', searched(text), text, shown)


def short(worker: str) -> str:
    """A process's id, as long as it has to be to tell some of them apart."""
    return worker[:8]


def searched(text: str) -> str:
    """The list of the rows with this id."""
    return f"{reverse('admin:audit_auditrecord_changelist')}?{urlencode({'q': text})}"


def input_of(row: AuditRecord) -> int:
    return row.input_tokens + row.cached_tokens + row.cache_write_tokens


# --- a row's page -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lane:
    """A line of the timeline: its name, its stretches, what is said of it."""

    label: str
    rects: tuple[charts.Rect, ...]
    told: str
    bad: bool = False
    upstream_id: str = ""


@dataclass(frozen=True)
class Fact:
    label: str
    value: Any
    below: str = ""


def facts(row: AuditRecord, worker: str = "") -> list[Fact]:
    """What is known of the request, for its page's head. ``worker``: the name of its process, while it lives."""
    asked_and_served = [
        Fact("Asked for", row.model_asked or DASH),
        Fact("Served by", row.model_served or DASH),
        Fact("Chosen by", rule_of(row)),
        Fact("Effort", row.effort or "as usual"),
    ]
    if not row.model_asked and not row.model_served:
        asked_and_served = []
    found = [
        *asked_and_served,
        Fact("Client key", row.key or "none"),
        Fact("Client", row.client or DASH, row.client_version),
        Fact("Endpoint", row.endpoint, "stream" if row.stream else "whole answer"),
        Fact("Correlation id", linked(searched(row.correlation_id), row.correlation_id)),
        Fact("Request id", format_html('<span class="au-mono">{}</span>', row.request_id)),
        Fact("Upstream response", format_html('<span class="au-mono">{}</span>', row.upstream_response_id or DASH)),
        Fact("Worker", worker or short(row.worker) or DASH, short(row.worker) if worker else ""),
    ]
    # PostgreSQL keeps the keys of an object in an order of its own.
    counts = sorted(_counts(row.counts), key=lambda item: ORDER.index(item[0]) if item[0] in ORDER else len(ORDER))
    asked = [charts.many(count, name.removesuffix("s")) for name, count in counts if isinstance(count, int) and count]
    if asked:
        found.append(Fact("Request", ", ".join(asked)))
    called = [
        f"{name} × {count}" if count != 1 else name
        for name, count in sorted(_counts(row.tool_calls), key=lambda item: item[0])
    ]
    if called:
        found.append(Fact("Tools called", ", ".join(called)))
    return found


def linked(url: str, text: Any) -> SafeString:
    return format_html('<a class="au-link au-mono" href="{}">{}</a>', url, text)


def rule_of(row: AuditRecord) -> Any:
    """Why the model was chosen; a link where it is a mapping of the operators'."""
    kind, _, number = row.rule.partition(":")
    if kind == "database" and number.isascii() and number.isdigit():
        try:
            url = reverse("admin:bridge_api_modelmapping_change", args=(number,))
        except NoReverseMatch:
            return words.rule(row.rule)
        return format_html('<a class="au-link" href="{}">{}</a>', url, words.rule(row.rule))
    return words.rule(row.rule) or DASH


def moments(row: AuditRecord) -> list[Fact]:
    """The exchange's moments, each with the time since the one before."""
    passed = [("Upstream connected", row.connected_ms), ("First byte", row.first_byte_ms)]
    passed += [("First token", row.first_token_ms)]
    passed += [("Finished", row.duration_ms if end_known(row) else None)]
    received = f"{row.received_at:%H:%M:%S}.{row.received_at.microsecond // 1000:03d} UTC"
    found = [Fact("Received", received, f"{row.received_at:%Y-%m-%d}")]
    before = 0
    for label, at in passed:
        if at is None:
            continue
        found.append(Fact(label, f"+ {charts.milliseconds(at)}", f"{charts.milliseconds(max(0, at - before))} later"))
        before = at
    if row.outcome == Outcome.INTERRUPTED and row.finished_at is not None:
        found.append(Fact("Ended", UNKNOWN, f"found gone at {row.finished_at:%H:%M:%S}, {row.finished_at:%Y-%m-%d}"))
    elif row.outcome == Outcome.COMPLETED and not row.stream and row.first_byte_ms is None:
        found[-1] = Fact("Finished and sent", found[-1].value, f"{found[-1].below}, at once")
    return found


def timeline(row: AuditRecord, attempts: Iterable[UpstreamAttempt]) -> list[Lane]:
    """The exchange as a whole, and a line for each try upstream, on the same scale."""
    tries = list(attempts)
    if row.outcome == Outcome.INTERRUPTED:
        return []
    total = max([row.duration_ms, *(attempt.started_ms + attempt.duration_ms for attempt in tries)])
    if not total:
        return []
    cuts = [("wait", "until the upstream was connected", row.connected_ms)]
    cuts += [
        ("connect", "until the first byte", row.first_byte_ms),
        ("byte", "until the first token", row.first_token_ms),
    ]
    cuts += [("token", "until the end", row.duration_ms)]
    parts, before = [], 0
    for kind, said, at in cuts:
        if at is None or at < before:
            continue
        # Without a first token nothing was said: the rest is waiting, too.
        kind = "wait" if kind == "token" and row.first_token_ms is None else kind
        parts.append((kind, f"{said}: {charts.milliseconds(at - before)}", float(before), float(at)))
        before = at
    lanes = [Lane("Exchange", charts.spans(total, parts), charts.milliseconds(row.duration_ms))]
    for attempt in tries:
        bad = attempt.status is None or attempt.status >= 400 or bool(attempt.error_code)
        told = " · ".join(filter(None, (str(attempt.status or "no answer"), attempt.error_code)))
        lasted = charts.milliseconds(attempt.duration_ms)
        start, end = attempt.started_ms, attempt.started_ms + attempt.duration_ms
        title = f"{told}, {lasted}"
        rects = charts.spans(total, [("bad" if bad else "good", title, start, end)])
        lanes.append(Lane(f"Attempt {attempt.number}", rects, f"{told} · {lasted}", bad, attempt.upstream_request_id))
    return lanes


TIMES = (
    ("wait", "connecting"),
    ("connect", "waiting for the first byte"),
    ("byte", "to the first token"),
    ("token", "answering"),
)


# A whole answer goes out at its end: nobody waits for its first byte.
WHOLE_TIMES = tuple(time for time in TIMES if time[0] != "connect")


def _no_lanes(row: AuditRecord) -> str:
    """What is said in place of the drawing."""
    if row.outcome == Outcome.INTERRUPTED:
        return "Nobody knows how long it took: its process ended without a word."
    return "It took less than a millisecond." if row.finished_at else "It is under way, or its process is gone."


def token_parts(row: AuditRecord) -> list[tuple[str, str, float]]:
    """Kind, label and number: reasoning is a part of the output, and told apart from the rest of it."""
    reasoning = min(row.reasoning_tokens, row.output_tokens)
    return [
        ("cached", "Read from the cache", row.cached_tokens),
        ("written", "Written to the cache", row.cache_write_tokens),
        ("fresh", "Fresh input", row.input_tokens),
        ("reasoning", "Reasoning", reasoning),
        ("output", "Answer", row.output_tokens - reasoning),
    ]


def token_tiles(row: AuditRecord) -> list[Fact]:
    speed = row.tokens_per_second
    return [
        Fact("Input", f"{input_of(row):,}", f"{charts.share(row.cached_tokens, input_of(row))} from the cache"),
        Fact("Output", f"{row.output_tokens:,}", f"{row.reasoning_tokens:,} of it reasoning"),
        Fact("Speed", DASH if speed is None else f"{speed:.0f} / s", "output tokens since the first"),
        Fact("Cost", cost_of(row), "no price known" if row.cost is None else "estimated, list prices"),
    ]


def notes_of(row: AuditRecord) -> list[dict[str, str]]:
    """Each note with its meaning."""
    found = []
    for note in row.notes if isinstance(row.notes, list) else []:
        code, where = (note.get("code"), note.get("where")) if isinstance(note, dict) else (note, "")
        found.append({"code": str(code), "where": str(where or ""), "words": words.note(str(code))})
    return found


def outcome_of(row: AuditRecord) -> dict[str, str]:
    known = row.outcome in Outcome.values
    return {
        "label": str(Outcome(row.outcome).label) if known else row.outcome,
        "colour": words.COLOURS.get(row.outcome, "default"),
        "words": words.OUTCOMES.get(row.outcome, ""),
    }


def page(
    row: AuditRecord, beside: tuple[AuditRecord | None, AuditRecord | None], talk: list[AuditRecord], worker: str = ""
) -> dict[str, Any]:
    """What a row's template shows."""
    request, response = _mapping(row.request), _mapping(row.response)
    parts, lanes = token_parts(row), timeline(row, row.attempts.all())
    return {
        "row": row,
        "outcome": outcome_of(row),
        "facts": facts(row, worker),
        "moments": moments(row),
        "lanes": lanes,
        "no_lanes": _no_lanes(row),
        "upstream_ids": [lane for lane in lanes if lane.upstream_id],
        "times": TIMES if row.stream else WHOLE_TIMES,
        "token_tiles": token_tiles(row),
        "token_bar": charts.bar(parts),
        "token_parts": [(kind, label, f"{value:,.0f}") for kind, label, value in parts if value],
        "error_told": bool(row.error_type or row.error_code or row.error_message),
        "error_masked": masked_of(response, "error_masked"),
        "error_words": words.ERRORS.get(row.error_type, ""),
        "notes": notes_of(row),
        "redaction_words": words.REDACTION.get(row.redaction, ""),
        "contents": [
            content_of("Request", request, ("headers", "body")),
            content_of("Response", response, ("content",)),
        ],
        "earlier": beside[0],
        "later": beside[1],
        "talk": talk,
        "talk_url": searched(row.session) if row.session else "",
    }


def _counts(value: Any) -> list[tuple[str, Any]]:
    return [(str(name), count) for name, count in value.items()] if isinstance(value, dict) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"": value}
