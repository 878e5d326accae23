"""Tables whose header says what stands below it: CSV, TSV, Markdown, what psql, mysql and pandas print, ``INSERT INTO``.

One mechanism for all: a line of short cells, one of which is the name of something to mask, above lines of as many cells.
A table of keys and values (``Key  Value``) says it by the row.

Invariants: a cell is masked if it looks like what its column says; a header that no table follows is none; the work is
bounded: three rows without anything to mask and 500 rows end a table, and what was read as a table is not read again.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from audit.rules import plausible
from audit.rules.assigned import SIGNED
from audit.rules.base import Family, Needle, Place, Reading, Rule
from audit.rules.names import looks_like_a_name

_MOST_HEADERS, _MOST_ROWS, _MOST_CELLS, _LINE = 500, 500, 60, 4000
_NAMES = (
    r"(?:full|first|last|given|family|sur|middle|maiden|display|legal|real|customer|client|employee|patient|contact|holder|cardholder|card_?holder|account|guest|"
    r"student|passenger|recipient|beneficiary|sender|applicant|tenant|owner|member|person|billing|shipping|doctor|manager|payer|payee|debtor|buyer|seller|user_?full|"
    r"account_?holder)[ _-]?(?:names?|holder)|surname|nombre(?: completo)?|apellidos?|nom(?: complet)?|prénom|prenom|vorname|nachname|nome(?: completo)?|cognome|naam|voornaam|achternaam|"
    r"imię|nazwisko|imię i nazwisko|jméno|příjmení|kunden?name|kunde|cliente|mitarbeiter|patient(?:in)?|employee|customer|titulaire|titular|ansprechpartner|фио|имя|фамилия|姓名|氏名|名前|お名前|이름|성명"
)
_PHONES = r"(?:(?:home|work|mobile|cell|contact|office|customer|primary)[ _-]?)?(?:phone|tel|telephone|mobile|cell|fax|handy)(?:[ _-]?(?:no|number|num|nr|nummer|home|work|mobile)\.?)?|telefono|teléfono|telefon(?:nummer|o)?|téléphone|telefone|celular|móvil|movil|portable|msisdn|whatsapp|numer telefonu|телефон|电话|手机(?:号)?|電話(?:番号)?|전화(?:번호)?"
_IDS = (
    r"(?:[a-z]{1,12}[ _-]?)?(?:ssn|itin|nino|nhs(?:[ _-]?(?:no|number))?|dni|nie|nif|cuit|cuil|cpf|cnpj|rut|run|curp|rfc|nir|pesel|bsn|cnp|egn|oib|jmbg|hetu|cpr|nric|pps|aadhaar|tckn|"
    r"codice[ _-]?fiscale|personnummer|fødselsnummer|kennitala|steuer[ _-]?id|tax[ _-]?id|taxid|national[ _-]?id|national[ _-]?insurance|insurance[ _-]?(?:no|number)|"
    r"social[ _-]?security(?:[ _-]?(?:no|number))?|id[ _-]?(?:card|number|no)|passport(?:[ _-]?(?:no|number))?|driver'?s?[ _-]?licen[cs]e|licen[cs]e[ _-]?(?:no|number)|rodn[eé][ _-]?[cč][ií]slo|"
    r"identity[ _-]?number|personal[ _-]?(?:code|id|number)|cedula|cédula|steuernummer|身份证(?:号)?|mrn|vat[ _-]?id)(?:[ _-]?(?:nif|no|number|nr))?"
)
_ACCOUNTS = r"(?:bank[ _-]?)?(?:account[ _-]?(?:number|no|nr)|acct[ _-]?(?:no|number)|kontonummer|iban|card[ _-]?(?:number|no)|credit[ _-]?card|pan|routing[ _-]?number|sort[ _-]?code)"
_DATES = r"dob|date[ _-]?of[ _-]?birth|birth[ _-]?(?:date|day)|born|geburtsdatum|geboren|fecha[ _-]?(?:de[ _-]?)?nacimiento|date[ _-]?de[ _-]?naissance|data[ _-]?(?:di[ _-]?nascita|nascimento|urodzenia)|生年月日|出生日期"
COLUMNS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("name", _NAMES), ("phone", _PHONES), ("national_id", _IDS), ("bank_account", _ACCOUNTS), ("date_of_birth", _DATES),
        ("secret", rf"[a-z0-9_. -]{{0,30}}{SIGNED}(?:[ _-]?(?:value|\(plain\)))?|clave|secret|pin(?: code)?|otp|cvv|cvc"),
    )
)  # fmt: skip
_BARE_NAME = re.compile(r"name|user|contact|person|employee|member|owner|author|nome|naam|label")
_BESIDE = re.compile(r"e-?mails?(?:[ _-]?address)?|mail|correo|courriel")
_KEY = re.compile(
    r"key|name|field|setting|variable|variable_name|property|parameter|option|attribute|env(?:ironment)?(?: var(?:iable)?)?|config|item|schlüssel|clave|clé|secret|what"
)
_OF_KEY = re.compile(r"value|wert|valor|valeur|valore|waarde|current|content|contents|data|setting")
_HEADER = re.compile(r"[^\W\d][\w .\-/#()'?&*`]{0,40}|#|")
_PLAIN_HEADER = re.compile(r"[^\W\d][\w -]{0,30}|#")
_LINE_OF_WORDS = re.compile(r"[\w .\-/#()'?&*`\"|,;\t\r]{3,1500}+(?![^\n])")
_STRING_OF_WORDS = re.compile(r"[\w .\-/#()'?&*`|,;\t\r]{3,1500}+(?=\n)")
_RULER = re.compile(r"[-+|=: \t]{1,400}")
_WIDE = re.compile(r"[^\s](?:[^\s]| (?=[^\s])){0,200}")
_QUOTED_CELL = r"\"(?:[^\"]|\"\"){0,500}\"|'(?:[^']|''){0,500}'"
_CELLS = {sign: re.compile(rf"\s{{0,20}}(?:{_QUOTED_CELL}|[^{re.escape(sign)}\n]{{0,1000}})") for sign in ",;\t"}
_INSERT = re.compile(
    r"(?:insert\s{1,3}(?:ignore\s{1,3})?into|copy)\s{1,3}[\w.\"`]{1,80}\s{0,3}\((?P<columns>[^()]{1,1500})\)\s{0,4}(?P<how>values|from\s)",
    re.IGNORECASE,
)
_SQL = [Needle("insert into", True), Needle("insert ignore into", True), Needle("copy ", True)]
_TUPLE = re.compile(r"\s{0,20},?\s{0,20}\((?P<row>(?:'(?:[^'\\]|''|\\.){0,800}'|[^()']){1,200}?)\)")
# What a header with such a column holds
_SOUGHT = {
    "name": "name nom naam apellido imię nazwisko jméno kunde cliente patient employee customer titula mail correo courriel фио имя фамилия 氏名 名前 이름 성명 姓名",
    "phone": "phone tel mobil cell fax handy celular móvil movil portable msisdn whatsapp телефон 电话 手机 電話 전화",
    "national_id": "ssn itin nino nhs dni nie nif cuit cuil cpf cnpj rut curp rfc nir pesel bsn cnp egn oib jmbg hetu cpr nric pps aadhaar tckn fiscal personn nummer kennitala steuer tax "
    "national insurance security passport license licence identity id_ id-card idcard cedula cédula 身份证 mrn vat rodn",
    "bank_account": "account acct konto iban card pan routing sort",
    "date_of_birth": "dob birth born geb nacimiento naissance nascita nascimento urodzenia 生年月日 出生日期",
    "secret": "pass pwd psw psk secret token _key api-key apikey clave senha contraseña contrasena kennwort wachtwoord hasło haslo parola пароль 密码 otp cvv cvc cred",
}

Cell = tuple[int, int]


def cells_of(text: str, start: int, end: int, sign: str) -> tuple[Cell, ...]:
    """The cells of a line, without the white space and the quotation marks about them."""
    if sign == " ":
        return tuple(found.span() for found in _WIDE.finditer(text, start, end))[:_MOST_CELLS]
    if sign == "|":
        line = text[start:end]
        head = start + len(line) - len(line.lstrip())
        tail = start + len(line.rstrip())
        head += text[head : head + 1] == "|"
        tail -= tail > head and text[tail - 1] == "|"
        found, at = [], head
        for piece in text[head:tail].split("|", _MOST_CELLS):
            found.append((at, at + len(piece)))
            at += len(piece) + 1
    else:
        found, at = [], start
        while at <= end and len(found) < _MOST_CELLS:
            cell = _CELLS[sign].match(text, at, end)
            stop = text.find(sign, cell.end() if cell else at, end)
            stop = end if stop < 0 else stop
            found.append((at, stop))
            at = stop + 1
    return tuple(_inner(text, *one) for one in found)


def _inner(text: str, start: int, end: int) -> Cell:
    while start < end and text[start] in " \t\r\"'`*":
        start += 1
    while end > start and text[end - 1] in " \t\r\"'`*":
        end -= 1
    return start, end


def _kind(title: str) -> str | None:
    for kind, pattern in COLUMNS:
        if pattern.fullmatch(title):
            return kind
    return None


def sought(titles: Sequence[str]) -> dict[int, tuple[str, str]]:
    """The columns to mask: their kinds and titles. ``name`` is a person's beside a column of mail addresses or of what
    only people have."""
    kinds = {at: kind for at, title in enumerate(titles) if (kind := _kind(title))}
    people = any(_BESIDE.fullmatch(title) for title in titles) or any(
        kind in ("phone", "national_id", "bank_account", "date_of_birth") for kind in kinds.values()
    )
    if people:
        kinds |= {at: "name" for at, title in enumerate(titles) if _BARE_NAME.fullmatch(title)}
    return {at: (kind, titles[at]) for at, kind in kinds.items()}


_DAY = re.compile(r"\d{4}-\d\d-\d\d|\d\d[./]\d\d[./]\d{4}")


def _fits(kind: str, title: str, value: str) -> bool:
    digits = sum(map(str.isdigit, value))
    if kind == "name":
        return looks_like_a_name(
            value, alone="first" in title or "last" in title or "sur" in title or "name" not in title
        )
    if kind == "phone":
        return 6 <= digits <= 15 and not any(map(str.isalpha, value[:-5])) and not _DAY.match(value)
    if kind == "date_of_birth":
        return digits >= 4 and len(value) <= 24
    if kind == "secret":
        return _secret(title, value)
    alike = digits >= 5 and len(value) <= 40 and value.count(" ") <= 8 and sum(map(str.isalpha, value)) <= 12
    return alike and not _DAY.fullmatch(value)


def _secret(title: str, value: str) -> bool:
    if title in ("pin", "pin code", "otp", "cvv", "cvc"):
        return value.isdigit() and 3 <= len(value) <= 8
    if "hash" in title and len(value) < 20:
        return False
    return (
        " " not in value
        and not plausible.placeholder(value)
        and (
            plausible.quoted(title, value)
            if plausible.strong(title)
            else plausible.bare(title, value, "", env=False, tight=True)
        )
    )


@dataclass(frozen=True, slots=True)
class Header:
    """A line that names columns: where it stands, its cells and what parts them; the columns to mask, and those of keys and
    values. ``insert``: a list of columns in SQL."""

    start: int
    end: int
    sign: str
    cells: tuple[Cell, ...]
    columns: dict[int, tuple[str, str]]
    pairs: tuple[int, int] | None
    insert: re.Match[str] | None = None


def headers(reading: Reading) -> list[Header]:
    """The headers of a text, which the rules of all kinds share. Of a text with more lines that might be one than any
    text has, the first are read."""
    if "tables" not in reading.memo:
        text, found = reading.text, []
        for start, end in islice(_candidates(reading), _MOST_HEADERS):
            if (sign := _parted(text, start, end)) and (header := _header(text, start, end, sign)):
                found.append(header)
        for start, _ in reading.occurrences(_SQL):
            if (insert := _INSERT.match(text, start)) and (columns := _columns(insert)):
                found.append(columns)
        reading.memo["tables"] = sorted(found, key=lambda one: one.start)
    told: list[Header] = reading.memo["tables"]
    return told


def _candidates(reading: Reading) -> Iterator[Place]:
    """Lines of short words that hold a needle, and such lines at the beginning of a string of JSON."""
    text, done, last = reading.text, -1, -1
    held = (
        [*filter(_NEEDLES.__contains__, reading.known), *(Needle(one, True) for one in _VALUES)]
        if reading.known
        else []
    )
    most = max(2000, len(text) // 10)
    for at, _ in islice(reading.occurrences(held or [one for one in _NEEDLES if one.text in reading.folded]), most):
        if at < done:
            continue
        start = text.rfind("\n", max(0, at - _LINE), at) + 1
        if at - start > _LINE:
            done = _end(text, at)
            continue
        if start != last and (line := _LINE_OF_WORDS.match(text, start)):
            done = line.end()
            yield start, done
        elif (
            (string := text.rfind('"', start, at) + 1)
            and text[string - 3 : string - 1].rstrip()[-1:] == ":"
            and (line := _STRING_OF_WORDS.match(text, string))
        ):
            done = line.end()
            yield string, done
        last = start


def _parted(text: str, start: int, end: int) -> str:
    """What parts the cells of a line, if the next line is parted alike, or is a ruler."""
    following = _end(text, end + 1)
    if following <= end + 1:
        return ""
    for sign in ("\t", "|", ";", ","):
        if number := text.count(sign, start, end):
            alike = sign in ("|", ",", ";") or text.count(sign, end + 1, following) == number
            if (alike and text.find(sign, end + 1, following) >= 0) or (
                sign == "|" and _RULER.fullmatch(text, end + 1, following)
            ):
                return sign
    return " " if text.find("  ", start, end) >= 0 and text.find("  ", end + 1, following) >= 0 else ""


def _header(text: str, start: int, end: int, sign: str) -> Header | None:
    cells = cells_of(text, start, end, sign)
    titles = [text[low:high].lower() for low, high in cells]
    form = _PLAIN_HEADER if sign == " " else _HEADER
    # A list in code is indented, or each of its lines ends with a comma
    listed = sign in ",;" and (text[start].isspace() or not titles[-1])
    if (
        listed
        or sum(map(bool, titles)) < 2
        or (sign == "|" and "'" in text[start:end])
        or not all(map(form.fullmatch, titles))
    ):
        return None
    columns, pairs = sought(titles), _pairs(titles)
    return Header(start, end, sign, cells, columns, pairs) if columns or pairs else None


def _columns(insert: re.Match[str]) -> Header | None:
    titles = [title.strip(" \t\n\"`[]'").lower() for title in insert["columns"].split(",")]
    columns = sought(titles)
    return (
        Header(insert.start(), insert.end(), ",", ((0, 0),) * len(titles), columns, None, insert) if columns else None
    )


class Tables(Rule):
    """The rule that masks the columns of its kind. Its needles say whether a header is worth looking for."""

    __slots__ = ()

    def places(self, reading: Reading, needles: Sequence[Needle] | None = None) -> Iterator[Place]:
        text, done = reading.text, 0
        if ("\n" not in text and "values" not in reading.folded) or (
            needles is None and not any(one.text in reading.folded for one in self.sought)
        ):
            return
        for header in headers(reading):
            columns = {at: one for at, one in header.columns.items() if one[0] == self.kind}
            if header.start < done or not (columns or header.pairs):
                continue
            if header.insert:
                found = list(_inserted(text, header, columns))
            else:
                found = list(_rows(text, header.end + 1, header.cells, header.sign, self.kind, columns, header.pairs))
            yield from found
            done = max((end for _, end in found), default=done)


def _inserted(text: str, header: Header, columns: dict[int, tuple[str, str]]) -> Iterator[Place]:
    if header.insert and header.insert["how"].lower() != "values":
        yield from _rows(text, _end(text, header.end) + 1, header.cells, "\t", "", columns, None)
        return
    at = header.end
    for _ in range(_MOST_ROWS):
        row = _TUPLE.match(text, at, at + 8000)
        if row is None:
            return
        cells = cells_of(text, row.start("row"), row.end("row"), ",")
        if len(cells) == len(header.cells):
            yield from _masked(text, cells, columns)
        at = row.end()


def _end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _pairs(titles: Sequence[str]) -> tuple[int, int] | None:
    """The columns of keys and of values."""
    keys = [at for at, title in enumerate(titles) if _KEY.fullmatch(title)]
    values = [at for at, title in enumerate(titles) if _OF_KEY.fullmatch(title)]
    return (keys[0], values[-1]) if keys and values and keys[0] != values[-1] and len(titles) <= 6 else None


def _masked(text: str, cells: Sequence[Cell], columns: dict[int, tuple[str, str]]) -> Iterator[Place]:
    for at, (kind, title) in columns.items():
        start, end = cells[at]
        if start < end and _fits(kind, title, text[start:end]):
            yield start, end


def _rows(
    text: str, at: int, header: Sequence[Cell], sign: str, kind: str, columns: dict[int, tuple[str, str]], pairs: tuple[int, int] | None
) -> Iterator[Place]:  # fmt: skip
    idle = 0
    for _ in range(_MOST_ROWS):
        end = _end(text, at)
        if at >= len(text) or end - at > _LINE or not text[at:end].strip():
            return
        if _RULER.fullmatch(text, at, end):
            at = end + 1
            continue
        cells = cells_of(text, at, end, sign)
        if sign == " ":
            cells = _below(text, at, header, cells)
        if len(cells) != len(header):
            return
        found = list(_masked(text, cells, columns))
        if pairs:
            title = text[slice(*cells[pairs[0]])].lower()
            if _kind(title) == kind:
                found += _masked(text, cells, {pairs[1]: (kind, title)})
        yield from found
        idle = 0 if found else idle + 1
        if idle == 3:
            return
        at = end + 1


def _below(text: str, at: int, header: Sequence[Cell], cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells of a line of columns that only spaces part, each below the title that it shares most columns with."""
    line = text.rfind("\n", 0, header[0][0]) + 1
    if len(cells) < 2:
        return ()
    placed = [(0, 0)] * len(header)
    begins = [low - line for low, _ in header]
    for low, high in cells:
        left, right = low - at, high - at
        near = bisect_left(begins, right)
        shared = [
            (min(right, header[n][1] - line) - max(left, begins[n]), n)
            for n in range(max(0, near - 3), min(len(header), near + 1))
        ]
        most, which = max(shared, default=(0, 0))
        if most > 0:
            placed[which] = (low, high)
    return tuple(placed)


_ABOUT = {
    "name": "people", "phone": "phones", "national_id": "national numbers", "bank_account": "accounts", "date_of_birth": "dates of birth",
    "secret": "passwords, tokens, keys",
}  # fmt: skip


# What a table of keys and values holds
_VALUES = tuple(
    f"{sign}{word}" for word in ("value", "wert", "valor", "valeur", "waarde") for sign in ("  ", "| ", ",", "\t")
)
_NEEDLES = frozenset(Needle(word, True) for word in (*" ".join(_SOUGHT.values()).split(), *_VALUES))


def _rule(kind: str) -> Rule:
    words = tuple(_SOUGHT[kind].split())
    family: Family = "secret" if kind == "secret" else "personal"
    pattern = re.compile("|".join(map(re.escape, words)))
    return Tables(
        kind, family, pattern, words, f"cells of tables whose header says {_ABOUT[kind]}", "start", loose=True
    )


SECRET_RULES = (_rule("secret"),)
RULES = tuple(_rule(kind) for kind in _SOUGHT if kind != "secret")
