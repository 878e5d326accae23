"""Names that a mail address beside them tells: capitalised words near ``viktor.moreau@`` of which it repeats one.

The parts of the address (``viktor``, ``moreau``; of ``vmoreau`` also ``moreau``) are looked for as words in the line and
its neighbours: in a signature, in a record of JSON, in a row of a table, in a vCard. A part that is found is a name together
with the capitalised words beside it.

Invariants: only words that the address repeats, and words that stand in one name with these, are masked; addresses of
roles (``support@``) tell nobody; the work for each address is bounded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice

from audit.rules.base import Needle, Place, Reading, Rule
from audit.rules.letters import LOWER, UPPER
from audit.rules.names import somebody

_LOCAL = re.compile(r"[A-Za-z0-9._%+'À-ɏ-]{3,50}$")
_TAG = re.compile(r"\+[^+]{1,40}$|\d{1,6}$")
_PARTS = re.compile(r"[._-]")
_ROLES = frozenset(
    [
        "info",
        "support",
        "sales",
        "contact",
        "admin",
        "root",
        "team",
        "help",
        "hello",
        "office",
        "billing",
        "noreply",
        "reply",
        "news",
        "newsletter",
        "marketing",
        "mail",
        "post",
        "service",
        "services",
        "security",
        "abuse",
        "webmaster",
        "postmaster",
        "hostmaster",
        "jobs",
        "careers",
        "press",
        "legal",
        "privacy",
        "accounts",
        "accounting",
        "finance",
        "invoice",
        "invoices",
        "orders",
        "order",
        "shop",
        "store",
        "dev",
        "devs",
        "developer",
        "developers",
        "test",
        "tests",
        "user",
        "users",
        "example",
        "foo",
        "bar",
        "baz",
        "demo",
        "git",
        "github",
        "gitlab",
        "bot",
        "build",
        "builds",
        "ops",
        "devops",
        "sysadmin",
        "alerts",
        "alert",
        "monitoring",
        "notifications",
        "notification",
        "notify",
        "updates",
        "data",
        "api",
        "app",
        "web",
        "www",
        "ftp",
        "smtp",
        "media",
        "events",
        "community",
        "project",
        "projects",
        "python",
        "django",
        "linux",
        "open",
        "source",
        "software",
        "the",
        "and",
        "for",
        "not",
        "you",
        "your",
        "name",
        "first",
        "last",
        "somebody",
        "someone",
        "anyone",
        "customer",
        "client",
        "company",
        "group",
        "global",
        "hotel",
        "club",
        "studio",
        "online",
        "digital",
        "design",
        "system",
        "systems",
        "mailer",
        "daemon",
        "list",
        "lists",
        "bugs",
        "bug",
        "report",
        "reports",
        "feedback",
    ]
)
_PLAIN = {code: base for code in range(0xC0, 0x250) if (base := unicodedata.normalize("NFKD", chr(code))[0]).isascii()}
_PLAIN |= dict(zip(map(ord, "øØłŁđĐßıæÆœŒ"), "oOlLdDsiaAoO"))
_WORD = rf"[{UPPER}][{LOWER}'’-]{{1,24}}(?:[{UPPER}][{LOWER}]{{1,24}})?(?:-[{UPPER}][{LOWER}]{{1,24}})?"
_PARTICLE = "(?:(?:de|da|di|do|dos|du|la|le|van|von|der|den|del|bin|al|el|ten|ter) ){1,3}"
_AFTER = re.compile(rf"(?: (?:{_PARTICLE})?(?:{_WORD}|[{UPPER}]\.)(?![\w@])){{1,3}}")
_BEFORE = re.compile(rf"(?<![\w.@-])(?:(?:{_WORD}|[{UPPER}]\.) (?:{_PARTICLE})?){{1,3}}$")
# What may part a first name from a last one in columns and in records
_PARTED = r"[\"']{0,2}(?:,|;|\t|\||\s\|\s|, )\s{0,20}[\"']{0,2}"
_BESIDE_AFTER = re.compile(
    rf"{_PARTED}({_WORD})(?![\w@.])|[\"',;]{{1,3}}\s{{0,12}}[\"']?(?:last|sur|family|l)_?-?[Nn]ame[\"']?\s?[:=]\s?[\"']({_WORD})|</\w{{1,20}}>\s{{0,20}}<\w{{1,20}}>({_WORD})(?=</)"
)
_BESIDE_BEFORE = re.compile(rf"(?<![\w.@])({_WORD}){_PARTED}$")
# Words that begin a sentence or a line about a name
_LEAD = re.compile(
    r"(?:By|From|To|Cc|Bcc|Dear|Hi|Hello|Hey|Hallo|Author|Authors|Contact|Thanks|Thank|Copyright|Written|Maintainer|Maintained|Email|Mail|Name|User|Customer|Client|Employee|"
    r"Patient|Mr|Mrs|Ms|Dr|Prof|Herr|Frau|Call|Ask|Please|Regards|Best|The|And|Or|For|With|Signed|Reported|Reviewed|Tested|Acked|Created|Assigned|Owner|Attn|Sent|Our|Your|My|We|On|In|At|"
    r"Lead|Senior|Junior|Director|Manager|Engineer|Developer|Head|Chief|President|Gentile|Ciao|Szanown[ya]|Pani?|Hei|Hej|Bonjour|Salut|Cher|Chère|Madame|Monsieur|Olá|Prezad[oa]|Caro|Cara|Estimad[oa]|Hola|Geachte|Beste|Kære|Kära?|Merhaba|Sayın|Liebe|Lieber)\.? "
)
_NEAR, _MOST = 240, 300


def _parts(local: str) -> tuple[list[str], list[str]]:
    """The words of a local part, and of those the ones that are single letters."""
    bare = local.translate(_PLAIN).lower()
    while (cut := _TAG.sub("", bare)) != bare:
        bare = cut
    pieces = [piece for piece in _PARTS.split(bare) if piece]
    words = [piece for piece in pieces if len(piece) >= 3 and piece not in _ROLES and piece.isalpha()]
    return words, [piece for piece in pieces if len(piece) <= 2]


def _window(text: str, at: int) -> tuple[int, int]:
    """The line of an address and two on either side, no further than is near; a record of JSON or a row is one line."""
    low, high = max(0, at - _NEAR), min(len(text), at + _NEAR)
    start, end = at, at
    for _ in range(4):
        start = text.rfind("\n", low, start)
        if start < 0:
            break
    for _ in range(4):
        end = text.find("\n", end + 1, high)
        if end < 0:
            break
    return max(low, start + 1), high if end < 0 else end


def _people(text: str, found: re.Match[str]) -> Iterator[Place]:
    at = found.start()
    local = _LOCAL.search(text, max(0, at - 50), at)
    if local is None:
        return
    words, letters = _parts(local[0])
    if not words:
        return
    low, high = _window(text, at)
    near = text[low:high]
    if not near.isascii():
        near = near.translate(_PLAIN)
    for word in words:
        yield from ((low + start, low + end) for start, end in _named(near, text[low:high], word, words, letters))


def _named(plain: str, near: str, word: str, words: list[str], letters: list[str]) -> Iterator[Place]:
    """Where ``word`` is a part of a name: alone in it if another part stands in it, too, or begins it."""
    for written, initial in _spellings(word, letters):
        at = plain.find(written)
        for _ in range(4):
            if at < 0:
                break
            end = at + len(written)
            if _whole(plain, at, end):
                yield from _around(plain, near, at, end, initial, words)
            at = plain.find(written, end)


def _spellings(word: str, letters: list[str]) -> Iterator[tuple[str, str]]:
    """How a word of an address may be written in a name, and the letter that the rest of the name must begin with."""
    initial = letters[0][0] if letters else ""
    for one in dict.fromkeys((word, word.replace("ue", "u").replace("oe", "o").replace("ae", "a"))):
        yield one.capitalize(), initial
        if len(one) >= 4:
            yield one.upper(), initial
        if len(one) >= 4 and not letters:
            yield one[1:].capitalize(), one[0]
            yield one[:-1].capitalize(), one[-1]
        if len(one) >= 8:
            yield from ((one[:cut].capitalize(), one[cut:]) for cut in range(3, len(one) - 2))


def _whole(near: str, at: int, end: int) -> bool:
    before, after = near[at - 1 : at], near[end : end + 1]
    return not (before.isalnum() or before in ("@", ".", "_", "/", "-")) and not (
        after.isalnum() or after in ("@", "_", "(")
    )


def _around(plain: str, near: str, at: int, end: int, initial: str, words: list[str]) -> Iterator[Place]:
    """The name that the word stands in, and the other half of it where a sign parts the two."""
    ahead, behind = (
        _AFTER.match(near, end),
        _BEFORE.search(near, max(0, at - 60), at) if near[at - 1 : at] == " " else None,
    )
    start, stop = behind.start() if behind else at, ahead.end() if ahead else end
    while (lead := _LEAD.match(near, start, at)) is not None:
        start = lead.end()
    others = plain[start:at].split() + plain[end:stop].split()
    if others:
        if _agree(others, initial, words) and somebody(near[start:stop]):
            yield start, stop
        return
    for beside in (_BESIDE_AFTER.match(near, end), _BESIDE_BEFORE.search(near, max(0, at - 60), at)):
        if beside is None:
            continue
        group = beside.lastindex or 0
        if _agree([plain[slice(*beside.span(group))]], initial, words):
            yield beside.span(group)
            yield at, end


def _agree(others: list[str], initial: str, words: list[str]) -> bool:
    """Whether the rest of a name is told by the address as well, as far as it tells one."""
    low = [one.lower().strip(".") for one in others if one[:1].isupper()]
    if len(words) > 1:
        return (
            any(one.startswith(word) or word.startswith(one) for one in low for word in words if len(one) > 1)
            or not initial
        )
    return not initial or any(one.startswith(initial[: len(one)]) for one in low)


class Beside(Rule):
    """The rule of this file. A text with more than a few hundred addresses is a list of them, whose header tells its
    columns (audit/rules/tables.py): the names beside the others are not looked for."""

    __slots__ = ()

    def places(self, reading: Reading, needles: Sequence[Needle] | None = None) -> Iterator[Place]:
        if "@" not in reading.text:
            return
        for found in islice(self.pattern.finditer(reading.text), _MOST):
            yield from _people(reading.text, found)


RULES = (
    Beside(
        "name", "personal", re.compile(r"@(?=[A-Za-z0-9-]{1,60}\.)"), ("@",), "beside a mail address that repeats it: `Viktor Moreau` near `viktor.moreau@`, `vmoreau@`, `moreau.v@`",
    ),
)  # fmt: skip
