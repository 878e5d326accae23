"""Phone numbers: international ones by their country's plan, national ones by form or after a word such as ``tel``.

Digits with separators are everywhere in what programmers write, and a library that tries each of them against two
hundred countries is too slow for a trail. So the forms are ours and bounded; phonenumbers (Google's tables of all
countries) says which country codes exist and how long their numbers may be.

Invariant: what is asked of the library depends on three digits and a length only, so that the answers are remembered.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

from audit.rules.base import rule, starts
from audit.rules.letters import JOINED

_SEP = r"[ .\-/\u00a0\u2011]"
_DATE = re.compile(r"\d{1,2}[-./ ]\d{1,2}[-./ ]\d{4}|\d{4}[-./ ]\d{1,2}[-./ ]\d{1,2}")


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


@lru_cache(maxsize=20_000)
def _possible(head: str, size: int) -> bool:
    """Whether a country whose code ``head`` begins with has numbers of ``size`` digits, code included."""
    for length in (1, 2, 3):
        code = int(head[:length])
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            number = phonenumbers.PhoneNumber(country_code=code, national_number=int("2" * (size - length)))
            return bool(phonenumbers.is_possible_number(number))
    return False


def _international(text: str, found: re.Match[str]) -> bool:
    """The ``(0)`` that some write after the country's code is not dialled."""
    digits = _digits(found[0].replace("(0)", ""))
    if found[0][0] != "+":
        digits = digits[2:]
    parted = len(digits) + 1 < len(found[0])
    return len(digits) >= (8 if parted else 9) and len(set(digits)) > 2 and _possible(digits[:3], len(digits))


def _national(text: str, found: re.Match[str]) -> bool:
    return not _DATE.match(found[0]) and len(set(_digits(found[0]))) > 2


def _named(text: str, found: re.Match[str]) -> bool:
    value = found["v"]
    return 7 <= len(_digits(value)) <= 15 and not _DATE.match(value) and len(set(_digits(value))) > 1


_WORDS = (
    r"phone|\btel|durchwahl|llam(?:e|ar|ad|en|ame)|appel(?:ez|er)|\bchiam(?:i|ate|are)|\bligue|anrufen|\bzadzwoń|teléfono|telefone|mobil|\bmóvil|\bcell|\bfax|whats ?app|\bsms|\bcall(?: me| us| him| her)?|\bdial|\bring|\btext me|\bhandy|\bgsm|\bmob|\btfn|\btlf|\bpuh|"
    r"\bmsisdn|\bportable|rufnummer|celular|contact(?:_| )?(?:no|number)|numéro de|\bcep telefonu|telepon|điện thoại|\bsđt|\bno\. hp|\bviber|\bsignal|"
    r"电话|電話|手机|手機|携帯|座机|联系方式|телефон|\bтел|моб|전화|휴대폰|연락처|τηλέφωνο|κινητό|هاتف|جوال|טלפון|โทร|फ़ोन|मोबाइल|\breach (?:me|us|him|her)"
)
_ENDING = r"(?:efon|éfono|efono|ef|efoon|ephone|ular|phone|e|ny|nummer|nummeret|nr|号码|號碼|番号|号|번호|а|у|ом|u|owy)"
_ENDING = rf"{_ENDING}{{0,2}}(?:;[^:\n]{{1,60}})?[\"'*_)\]>.]{{0,3}}(?:[ _-]?(?:number|no|nr|num|nummer|n[º°]|main|home|work|office|kom|mobile|mobil|cell|privat|direct))?\.?[\"'*_]{{0,2}}"
_OF = r"(?:\s?\([^()\n]{1,20}\)|(?: [^\W\d_]{1,12}+){1,3}+(?=\s?[:=：]))?"
_TO = r"(?:\?\s{1,3}[\w ]{2,20}:\s|\s(?:at|on|is|ist|es|est|è|é|under|to|unter|au|al|jest|er|är)\s|[ \t\u3000]{0,20}+(?:[:=：#|,.は是>]|=>){0,2}[ \t\u3000]{0,4})[\"'\[]?"

RULES = (
    rule(
        "phone", r"(?:\+(?<![\w+]\+)|(?<!" rf"{JOINED}" r")(?<![.,+-])(?<!\d )00(?=[1-9]\d{0,2}[ -]))\(?\d{1,3}\)?(?:(?:[ .\-/()\u00a0\u2011]|\(0\)){0,3}(?!\d\d:\d\d)\d){6,14}(?!" rf"{JOINED}" r"|[.,]\d)",
        "+", "00", family="personal", where="digits", least=7, check=_international, about="phone numbers, international form: country code, length",
    ),
    rule(
        "phone", rf"(?<!{JOINED})(?<![.,+/$-])(?:\+?1[ .-])?(?:\([2-9]\d\d\)[ ]?|[2-9]\d\d[.-])\d{{3}}[ .-]\d{{4}}(?:\s?(?:x|ext\.?)\s?\d{{1,5}})?(?!{JOINED}|{_SEP}\d)", "-", ".", ")", family="personal", where="digits", least=7, check=_national, about="phone numbers, North American form",
    ),
    rule(
        "phone", r"(?<!" rf"{JOINED}" r")(?<![.,+/:$#-])(?<!\d )(?:0[1-9](?:([ .-])\d\d)(?:\1\d\d){3}|\(?0\d{4}\)? \d{6}|\(?0\d{4}\)? \d{3} ?\d{3}|\(?0[1-9]\d{2}\)?[ -]\d{3}[ -]\d{3,4}|\(?0[1-9]\d?\)?[ -]\d{4}[ -]\d{4}|0[1-9]0-\d{4}-\d{4}"
        r"|\(?0[1-9]\d{1,3}\)?[ /-]\d{5,8}|\(?0[1-9]\d{1,3}\)? ?[/-] ?\d{2,4}[ -]\d{2,6}(?: \d{2,4})?|0[1-9]\d{1,3} \d{3,4} \d{2,5}(?: \d{2})?|06-?\d{8}|0\d-\d{3} \d{2} \d{2}|0\d{2}-\d{3} ?\d{2} ?\d{2}|0[1-9]\d{1,3} ?/ ?\d{2,4}(?: \d{2,4}){1,4})(?!" rf"{JOINED}" r"|[.,:/-]\d| \d)",
        "0", family="personal", where="digits", least=7, check=_national, about="phone numbers, national forms with a leading zero",
    ),
    rule(
        "phone", r"(?<!" rf"{JOINED}" r")(?<![.,+/:$#-])(?:\(\d{2}\) ?9?[ ]?\d{4}-\d{4}|[67]\d{2}(?: \d{2}){3}|8 \(?[3-9]\d{2}\)? \d{3}[- ]\d{2}[- ]\d{2})(?!" rf"{JOINED}" r"|[.,:/-]\d| \d)", family="personal", where="digits", least=7, check=_national, about="phone numbers, Brazilian, Spanish, Russian forms",
    ),
    rule(
        "phone", rf"(?:{_WORDS}){_ENDING}{_OF}{_TO}(?P<v>\+?\(?\d(?:[ .\-/()\u00a0\u2011]{{0,3}}\d){{6,14}})(?!{JOINED}|[.,]\d)",
        *starts(_WORDS), where="start", fold=True, family="personal", check=_named,
        about="phone numbers after `phone`, `tel`, `call me at` and the like, in twenty languages, also in vCards",
    ),
)  # fmt: skip
