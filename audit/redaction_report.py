"""How well the rules do on a corpus: recall by kind, false changes, speed; apart from where its lines come from.

A corpus is JSON lines, ``{"text": ..., "spans": [[start, end, kind], ...]}``. Kinds may be named by other people than the
rules: a span counts as found by the characters that are masked, whatever the mask is called, and its kind only says
whether it is told under secrets, structured personal data or other.

Invariants: pure; every span falls in one class; a figure over no spans is absent rather than zero; no error holds a text.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from audit.rules import KINDS

SECRET, PERSONAL, OTHER = "secret", "pii", "other"
# Names that others give to kinds; a kind that ends in one of the secrets' words is a secret, too
_SECRET_WORDS = (
    "key", "token", "password", "passwd", "secret", "jwt", "bearer", "credential", "credentials", "auth", "cookie", "private_key", "hash", "signature",
    "webhook", "webhook_url", "connection_string", "dsn", "pem", "passphrase", "session", "pin", "otp", "cvv", "sas",
)  # fmt: skip
_PERSONAL_WORDS = (
    "email", "email_address", "phone", "phone_number", "card", "credit_card", "payment_card", "card_number", "pan", "iban", "bank_account", "national_id",
    "ssn", "nino", "nhs", "dni", "nie", "cpf", "cnpj", "pesel", "bsn", "aadhaar", "sin", "tfn", "tax_id", "passport", "driving_licence", "driver_license",
    "drivers_license", "ip", "ip_address", "ipv4", "ipv6", "mac", "mac_address", "date_of_birth", "dob", "imei", "device_id", "vin", "vehicle",
    "medical_record", "crypto_wallet", "crypto", "wallet", "swift", "id_number", "personal_id",
)  # fmt: skip
_LOOSE = frozenset(
    (
        "name",
        "person",
        "person_name",
        "address",
        "street_address",
        "location",
        "url",
        "private_url",
        "username",
        "organization",
    )
)


class NotALine(ValueError):
    """A line of a corpus that is not a text with spans."""


@dataclass(frozen=True, slots=True)
class Item:
    text: str
    spans: tuple[tuple[int, int, str], ...]
    set: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of some spans: how many, and which shares of them are masked wholly, and at least in part."""

    n: int
    recall: float
    partly: float


@dataclass(frozen=True, slots=True)
class Miss:
    """A span that is not masked wholly, or a place that is masked and should not be: ``kind`` is the mask's."""

    number: int
    kind: str
    start: int
    end: int
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """``classes`` and ``kinds``: figures by name. ``false_items``: the share of items of which a character outside of
    their spans is masked; ``false_negatives``: the same of items without spans; ``false_characters``: of characters."""

    items: int
    classes: dict[str, Figures]
    kinds: dict[str, Figures]
    false_items: float
    false_on_negatives: float | None
    false_characters: float
    megabytes_per_second: float | None
    misses: tuple[Miss, ...]

    def plain(self) -> dict[str, Any]:
        """For machines: without the places."""
        told = asdict(self)
        del told["misses"]
        return told


def parse(raw: str, number: int) -> Item:
    """A line of a corpus. Raises NotALine, which never tells the text."""
    try:
        line = json.loads(raw)
        text, spans = line["text"], line["spans"]
        found = tuple((start, end, kind) for start, end, kind in spans)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotALine(f"line {number}: an object with text and spans is needed") from None
    if not isinstance(text, str) or not all(_holds(one, len(text)) for one in found):
        raise NotALine(f"line {number}: a span is [start, end, kind] with 0 <= start < end <= the text's length")
    return Item(text, found, str(line.get("set", "")))


def _holds(span: tuple[Any, Any, Any], size: int) -> bool:
    start, end, kind = span
    places = all(isinstance(at, int) and not isinstance(at, bool) for at in (start, end))
    return places and isinstance(kind, str) and 0 <= start < end <= size


def class_of(kind: str) -> str:
    """Secrets, structured personal data, or what only words around tell (names, addresses)."""
    name = kind.strip().lower().replace("-", "_").replace(" ", "_")
    if name in _LOOSE:
        return OTHER
    if name in _PERSONAL_WORDS:
        return PERSONAL
    if (
        KINDS.get(name) == "secret"
        or name in _SECRET_WORDS
        or name.endswith(tuple(f"_{word}" for word in _SECRET_WORDS))
    ):
        return SECRET
    return PERSONAL if KINDS.get(name) == "personal" else OTHER


def measure(items: Sequence[Item], find: Callable[[str], Iterable[tuple[int, int, str]]]) -> Report:
    """Raises ValueError without items."""
    if not items:
        raise ValueError("no items to measure")
    whole: Counter[str] = Counter()
    partly: Counter[str] = Counter()
    total: Counter[str] = Counter()
    misses: list[Miss] = []
    false_items, false_negatives, false_characters, characters = 0, 0, 0, 0
    for number, item in enumerate(items, 1):
        found = list(find(item.text))
        masked = {at for start, end, _ in found for at in range(start, end)}
        labelled = {at for start, end, _ in item.spans for at in range(start, end)}
        for start, end, kind in item.spans:
            covered = sum(at in masked for at in range(start, end))
            total[kind] += 1
            whole[kind] += covered == end - start
            partly[kind] += covered > 0
            if covered < end - start:
                misses.append(Miss(number, kind, start, end, "in part" if covered else "missed"))
        misses += [
            Miss(number, kind, start, end, "false")
            for start, end, kind in found
            if not labelled.issuperset(range(start, end))
        ]
        false_items += not masked <= labelled
        false_negatives += bool(masked) and not item.spans
        false_characters += len(masked - labelled)
        characters += len(item.text)
    negatives = sum(not item.spans for item in items)

    def figures(kinds: Iterable[str]) -> Figures | None:
        chosen = list(kinds)
        n = sum(total[kind] for kind in chosen)
        return (
            Figures(n, sum(whole[kind] for kind in chosen) / n, sum(partly[kind] for kind in chosen) / n) if n else None
        )

    by_class = {name: figures(kind for kind in total if class_of(kind) == name) for name in (SECRET, PERSONAL, OTHER)}
    by_kind = {kind: figures([kind]) for kind in sorted(total)}
    return Report(
        items=len(items),
        classes={name: one for name, one in by_class.items() if one},
        kinds={name: one for name, one in by_kind.items() if one},
        false_items=false_items / len(items),
        false_on_negatives=false_negatives / negatives if negatives else None,
        false_characters=false_characters / max(1, characters),
        megabytes_per_second=None,
        misses=tuple(misses),
    )


def shortfalls(report: Report, secrets: float, personal: float, false: float) -> list[str]:
    """Which targets are not met, a sentence each."""
    found = [
        f"{name} recall {report.classes[name].recall:.1%} is below {target:.1%}"
        for name, target in ((SECRET, secrets), (PERSONAL, personal))
        if name in report.classes and report.classes[name].recall < target
    ]
    if report.false_items > false:
        found.append(f"false changes in {report.false_items:.1%} of items are above {false:.1%}")
    return found
