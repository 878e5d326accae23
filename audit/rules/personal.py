"""Personal data with a form of its own, or with a name before it: mail, cards, accounts, addresses, dates of birth.

Invariant: a number with check digits is masked only where they hold.
"""

from __future__ import annotations

import re

from audit import validators
from audit.rules.base import Place, after, rule
from audit.rules.letters import LOWER, UPPER

_LETTER = r"A-Za-zÀ-ÖØ-öø-ɏͰ-ϿЀ-ӿ"
_CJK_ENDS = "中国|中國|公司|网络|網絡|香港|台灣|台湾|日本|한국|みんな|рф|укр|бел|भारत"
_NOT_A_DOMAIN = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "ico",
        "js",
        "mjs",
        "ts",
        "tsx",
        "jsx",
        "css",
        "scss",
        "vue",
        "html",
        "htm",
        "json",
        "lock",
        "local",
        "service",
    ]
)
_URL = re.compile(r"://[^\s/@\"'<>]{0,100}$")
_GIT = re.compile(r"(?:git|hg)@[\w.-]{1,100}[:/]")
# ``user@host:/path``
_COPIED_TO = re.compile(r":[/~]")
_NOBODYS = re.compile(
    r"(?:you|your[._-]?(?:name|email|mail)|name|user|username|someone|somebody)@(?:example|domain|yourdomain|your-domain|company)\.\w{2,4}",
    re.IGNORECASE,
)


def _email(text: str, found: re.Match[str]) -> bool:
    """Not the ``pass@host`` of a URL, ``git@host:path``, ``icon@2x.png``, a decorator, nor what a form shows in its empty field."""
    domain = found[0].rpartition("@")[2] if "@" in found[0] else found[0].lower().rpartition("%40")[2]
    if domain.rpartition(".")[2].lower() in _NOT_A_DOMAIN or _GIT.match(text, found.start()):
        return False
    if _NOBODYS.fullmatch(found[0]) or _COPIED_TO.match(text, found.end()):
        return False
    return _URL.search(text, max(0, found.start() - 110), found.start()) is None


def _card(text: str, found: re.Match[str]) -> bool:
    return validators.card(found[0])


# Countries whose accounts have letters
_LETTERED = "AZ|BH|BY|DO|GB|GI|GT|IE|JO|KW|KZ|LB|LC|LV|MD|MT|MU|NL|PK|PS|QA|RO|SA|SC|UA|VG"


def _iban(text: str, found: re.Match[str]) -> list[Place]:
    """As many of the characters as its country gives it; what follows is the next word."""
    whole = found[0]
    size = validators.IBAN_LENGTHS.get(whole[:2].upper(), 0)
    end = size
    while (spread := size + sum(map(whole[:end].count, " -"))) > end:
        end = spread
    return [(found.start(), found.start() + end)] if size and validators.iban(whole[:end]) else []


_NO_HOST = re.compile(
    r"(?:\b(?:version|ver|release|build|rev|section|chapter|clause|figure|table|oid|v|sdk|firmware|driver|kernel)\b[^\n.\d]{0,12}|"
    r"\b(?:upgrad|downgrad|bump)[a-z]{1,3}\b[^\n]{0,40} (?:from|to) |"
    r"[A-Za-z][/-]|[=~^<>!]=\s?|[\^~§]\s?|(?<![A-Za-z])v)$",
    re.IGNORECASE,
)


def _ipv4(text: str, found: re.Match[str]) -> bool | list[Place]:
    """Not a version, a section, a network's own number (its last is 0), nor four single digits."""
    if len(found[0]) == 7 or not validators.ipv4(found[0]):
        return False
    if found[0].endswith(".0"):
        return False
    if _NO_HOST.search(text, max(0, found.start() - 60), found.start()):
        return False
    mapped = text[max(0, found.start() - 7) : found.start()].lower() == "::ffff:"
    return [(found.start() - 7 * mapped, found.end())]


def _ipv6(text: str, found: re.Match[str]) -> list[Place]:
    """Only with a ``::``: whole addresses have a rule of their own."""
    address = found[0] if found[0].endswith("::") else found[0].removesuffix(":")
    network = address.endswith("::") and text[found.end() : found.end() + 1] == "/"
    sound = "::" in address and validators.ipv6(address) and not network
    return [(found.start(), found.start() + len(address))] if sound else []


_FIRST_GROUP = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}$")


def _with_first_group(text: str, found: re.Match[str]) -> list[Place]:
    """The pattern begins with the first colon, which is faster to find than hexadecimal digits."""
    first = _FIRST_GROUP.search(text, max(0, found.start() - 5), found.start())
    return [(first.start(), found.end())] if first else []


_FIRST_BYTE = re.compile(r"(?<![0-9A-Fa-f:-])[0-9A-Fa-f]{2}$")


def _mac(text: str, found: re.Match[str]) -> list[Place]:
    """As above; not all bytes alike, not the middle of a longer fingerprint, and no container's (Docker makes 02:42)."""
    first = _FIRST_BYTE.search(text, max(0, found.start() - 3), found.start())
    alike = len(set(found[0].lower()) - {":", "-"}) < 2
    if not first or found[0][0] != found["s"] or alike or f"{first[0]}{found[0][:3]}".lower() == "02:42":
        return []
    return [(first.start(), found.end())]


def _base58(text: str, found: re.Match[str]) -> bool:
    return validators.base58check(found[0])


def _bech32(text: str, found: re.Match[str]) -> bool:
    return validators.bech32(found[0])


_DATE = (
    r"(?P<v>\d{1,2}(?:st|nd|rd|th)?[ ./-]{1,2}(?:of )?(?:\d{1,2}|[^\W\d]{3,10}\.?)[ ./,-]{1,2}(?:de )?\d{2,4}|\d{4}[./年-]\s?\d{1,2}[./月-]\s?\d{1,2}日?|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}|(?:19|20)\d{6}(?!\d))"
)
_BORN = (
    r"\bdob|d\.o\.b\.?|date[ _-]?of[ _-]?birth|birth[ _-]?date|birth[ _-]?day|\bbday|\bborn(?: on)?|geburtsdatum|geburtstag|\bgeb\.|"
    r"\bgeboren(?: am)?|\bné le|\bnée le|date de naissance|fecha[ _]de[ _]nacimiento|nacid[oa] el|data di nascita|\bnat[oa] il|"
    r"data de nascimento|nascid[oa] em|geboortedatum|födelsedatum|data urodzenia|дата рождения|родил(?:ся|ась)|生年月日|"
    r"出生日期|出生于|생년월일"
)

_STREET = (
    r"Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Pl|Square|Terrace|Crescent|Close|Parkway|Pkwy|"
    r"Highway|Hwy|Circle|Cir|Trail|Row|Gardens|Grove|Hill"
)
_TOWN = rf"[{UPPER}][{LOWER}.'’-]{{1,24}}(?: [{UPPER}][{LOWER}.'’-]{{1,24}}){{0,2}}"
_ZIP = r"(?:\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|\d{4} ?[A-Z]{2})"


RULES = (
    rule(
        "email",
        rf"(?<![{_LETTER}0-9._%+-])[{_LETTER}0-9_][{_LETTER}0-9._%+'-]{{0,63}}+@(?:[{_LETTER}0-9一-鿿ぁ-ヿ](?:[{_LETTER}0-9一-鿿ぁ-ヿ-]{{0,62}})?\.){{1,6}}"
        rf"(?:xn--[a-z0-9-]{{2,30}}|[{_LETTER}]{{2,24}}|{_CJK_ENDS})(?![A-Za-z0-9])",
        "@",
        family="personal",
        where="around",
        reach=(70, 360),
        check=_email,
        about="mail addresses, also with tags and international domains",
    ),
    rule(
        "email",
        r"(?<![a-z0-9._%+-])[a-z0-9][a-z0-9._+-]{0,63}+(?:%40|\s?[\[(](?:at|@)[\])]\s?)[a-z0-9-]{1,60}(?:(?:\.|\s?[\[(](?:dot|\.)[\])]\s?)[a-z0-9-]{1,60}){0,3}(?:\.|\s?[\[(](?:dot|\.)[\])]\s?)[a-z]{2,12}(?![a-z0-9])",
        "%40",
        "[at]",
        "(at)",
        "[@]",
        family="personal",
        fold=True,
        where="around",
        reach=(70, 200),
        check=_email,
        about="mail addresses in URLs and in disguise (`x [at] y [dot] z`)",
    ),
    rule(
        "card",
        r"(?<![A-Za-z0-9._/+-])(?<!\d[ ])(?:[2-69]\d{3}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|3\d{3}([ -])\d{6}\2\d{4,5}|[2-69]\d{12,18}+)(?![A-Za-z0-9_]|[.-]\d)",
        family="personal",
        where="digits",
        least=12,
        check=_card,
        about="payment cards: issuer, length, Luhn",
    ),
    rule(
        "iban",
        r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?(?![A-Za-z0-9])",
        family="personal",
        where="digits",
        least=8,
        check=_iban,
        about="IBAN: length of the country, modulo 97",
    ),
    rule(
        "iban",
        rf"(?:{_LETTERED})(?<![A-Za-z0-9]..)\d{{2}}(?:[ -]?[A-Z0-9]{{4}}){{3,7}}(?:[ -]?[A-Z0-9]{{1,3}})?(?![A-Za-z0-9])",
        *_LETTERED.split("|"),
        family="personal",
        where="start",
        check=_iban,
        about="IBAN that have letters where others have digits",
    ),
    rule(
        "ip",
        r"(?<![\w.])(?:[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}(?![\w]|\.\d|-[a-z])",
        ".",
        family="personal",
        where="digits",
        check=_ipv4,
        about="IPv4 addresses of hosts (not versions, networks, loopback, masks, nor four single digits)",
    ),
    rule(
        "ip",
        r":(?:[0-9A-Fa-f]{1,4}:){6}[0-9A-Fa-f]{1,4}(?![\w:])",
        ":",
        family="personal",
        check=_with_first_group,
        about="IPv6 addresses of hosts",
    ),
    rule(
        "ip",
        r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:){1,6}:?(?:[0-9A-Fa-f]{1,4}:){0,6}[0-9A-Fa-f]{0,4}(?!\w|:[\w:])",
        "::",
        family="personal",
        where="around",
        reach=(40, 50),
        check=_ipv6,
        about="IPv6 addresses of hosts",
    ),
    rule(
        "mac",
        r"[:-](?P<x>[0-9A-Fa-f]{2})(?P<s>[:-])(?:[0-9A-Fa-f]{2}(?P=s)){3}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])",
        ":",
        "-",
        family="personal",
        check=_mac,
        about="MAC addresses",
    ),
    rule(
        "crypto_wallet",
        r"[135KL](?<![A-Za-z0-9].)[1-9A-HJ-NP-Za-km-z]{25,51}+(?![A-Za-z0-9])",
        *"135KL",
        family="personal",
        check=_base58,
        about="Bitcoin addresses and keys that check",
    ),
    rule(
        "crypto_wallet",
        r"(?<![a-z0-9])(?:bc1|tb1|ltc1|addr1)[02-9ac-hj-np-z]{30,110}+(?![a-z0-9])",
        "bc1",
        "tb1",
        "ltc1",
        "addr1",
        fold=True,
        family="personal",
        check=_bech32,
        about="Bech32 addresses that check",
    ),
    rule(
        "crypto_wallet",
        r"0x(?<![A-Za-z0-9]0x)[0-9A-Fa-f]{40}(?![A-Za-z0-9])",
        "0x",
        family="personal",
        where="start",
        about="Ethereum addresses",
    ),
    after(
        "date_of_birth",
        _BORN,
        rf"[\"'*_)\]]{{0,2}}(?:\s(?:is|was|on|est le|ist)\s|\s{{0,2}}[:=：|,]?\s{{0,3}})[\"']?{_DATE}",
        fold=True,
        family="personal",
        about="dates of birth in context",
    ),
    rule(
        "address",
        rf"\d(?<![\w.,:/$-]\d)\d{{0,4}}[A-Za-z]?(?:-\d{{1,4}})? (?:[NSEW]\.? )?(?:(?:[{UPPER}][\w'’.-]{{1,20}}|\d{{1,3}}(?:st|nd|rd|th)) ){{1,4}}(?:{_STREET})\b\.?(?: [NS][EW]\b)?"
        rf"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|#)\.? ?#?\w{{1,6}})?(?:,\s(?:{_TOWN}))?(?:,\s(?:{_TOWN}))?(?:,? [A-Z]{{2}}\b)?(?:,? {_ZIP}(?![\w]))?",
        *(f" {one}" for one in _STREET.split("|")),
        family="personal",
        about="street addresses, English form",
    ),
    rule(
        "address",
        rf"(?<!\w)[A-ZÄÖÜ][a-zäöüß]{{1,30}}(?:[- ][A-ZÄÖÜ][a-zäöüß]{{1,30}}){{0,2}}(?:straße|strasse|str\.|[- ]Straße|[- ]Str\.|weg|platz|allee|gasse|laan|straat|gatan|vägen) \d{{1,4}} ?[a-zA-Z]?\b"
        rf"(?:,? (?:[A-Z]{{1,2}}-)?\d{{4,5}}(?: ?[A-Z]{{2}})? {_TOWN})?",
        "straße",
        "strasse",
        "str.",
        "Straße",
        "Str.",
        "weg",
        "platz",
        "allee",
        "gasse",
        "laan",
        "straat",
        "gatan",
        "vägen",
        family="personal",
        where="around",
        reach=(100, 100),
        about="street addresses, German, Dutch, Swedish form",
    ),
    rule(
        "address",
        rf"\d(?<![\w.]\d)\d{{0,3}}(?: ?bis| ?ter)?,? (?:rue|avenue|boulevard|place|chemin|allée|impasse|quai|bd|av\.) (?:(?:de|du|des|la|le|les|l['’]|d['’]) ?){{0,3}}{_TOWN}(?:,? \d{{5}} {_TOWN})?"
        rf"|(?<!\w)(?:Calle|C/|Avenida|Avda\.|Plaza|Paseo|Via|Viale|Piazza|Corso|Rua|ul\.) (?:(?:de|del|della|di|da|do|la|los|las) ){{0,2}}{_TOWN},? (?:n[.ºo°]{{1,2}} ?)?\d{{1,4}}\b(?:[,/] ?\d{{1,2}}[ºª] ?[A-D]?\b)?(?:,? \d{{2}}-?\d{{3}} {_TOWN})?",
        "rue ",
        "avenue ",
        "boulevard ",
        "place ",
        "chemin ",
        "allée ",
        "impasse ",
        "quai ",
        "bd ",
        "av. ",
        "Calle",
        "C/",
        "Aven",
        "Avda",
        "Plaza",
        "Paseo",
        "Via",
        "Piazza",
        "Corso",
        "Rua",
        "ul.",
        family="personal",
        where="around",
        reach=(16, 160),
        about="street addresses, French, Spanish, Italian, Portuguese, Polish form",
    ),
    rule("address", r"\bP\.? ?O\.? Box \d{1,6}\b", "Box", family="personal", about="post boxes"),
)
