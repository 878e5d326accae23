"""Numbers of people: national identity, tax, health insurance, passports, driving licences, bank accounts, devices.

A number whose form and check digits leave little to chance is masked wherever it stands; one that any ten digits may be
only after its name. The table says which.

Invariant: where a country defines check digits, they hold (audit/national.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from audit import national, validators
from audit.rules.base import Check, Rule, after, rule

_TO = r"[\"'*_)\]]{0,3}(?:\s?(?:number|no|nr|num|nummer|numéro|número|n[º°])\.?[\"'*_)]{0,2})?(?:\s(?:is|ist|es|est|è|é)\s|\s{0,3}[:=：#|,]?\s{0,3})[\"']?"


# How many digits the numbers that may stand anywhere have, where it is fewer than nine
_LEAST = {"UK national insurance": 6, "Spanish DNI, NIE": 7, "Italian codice fiscale": 7, "Indian PAN": 4}


def _checked(holds: Callable[[str], bool]) -> Check:
    """The check of the masked part. What stands in ``text`` is asked, not its lower case."""

    def check(text: str, found: re.Match[str]) -> bool:
        start, end = found.span("v")
        return holds(text[start:end])

    return check


# Anywhere: about, pattern of the number (bounded by the table's maker), what it holds beside digits, check
ANYWHERE: tuple[tuple[str, str, tuple[str, ...], Callable[[str], bool]], ...] = (
    ("US SSN in its form", r"\d{3}-\d{2}-\d{4}", ("-",), national.us_ssn),
    ("UK national insurance", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]", tuple("ABCD"), national.uk_nino),
    ("Spanish DNI, NIE", r"(?:\d{8}|[XYZ]-?\d{7})-?[TRWAGMYFPDXBNJZSQVHLCKE]", tuple("TRWAGMYFPDXBNJZSQVHLCKE"), national.es_dni),
    ("Italian codice fiscale", r"[A-Z]{6}\d{2}[ABCDEHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", (), national.it_fiscal),
    ("French NIR", r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", ("1", "2"), national.fr_nir),
    ("Swedish personnummer", r"(?:19|20)?\d{6}[-+]\d{4}", ("-", "+"), national.se_person),
    ("Finnish henkilötunnus", r"[0-3]\d[01]\d{3}[-+A]\d{3}[0-9A-FHJ-NPR-Y]", ("-", "+", "A"), national.fi_person),
    ("Brazilian CPF in its form", r"\d{3}\.\d{3}\.\d{3}-\d{2}", ("-",), national.br_cpf),
    ("Brazilian CNPJ in its form", r"\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}", ("/",), national.br_cnpj),
    ("Indian Aadhaar in its form", r"[2-9]\d{3} \d{4} \d{4}", (" ",), national.in_aadhaar),
    ("Indian PAN", r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]", (), lambda text: True),
    ("Swiss AHV", r"756\.\d{4}\.\d{4}\.\d{2}", ("756.",), national.ch_ahv),
    ("Belgian national number", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", ("-",), national.be_national),
    ("Chinese identity card", r"[1-6]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dX]", ("19", "20"), national.cn_id),
    ("Polish PESEL", r"\d{2}(?:[02468][1-9]|[13579][0-2])[0-3]\d{6}", (), national.pl_pesel),
    ("German tax number (Steuer-ID) in its form", r"[1-9]\d (?:\d{3} ){2}\d{3}", (" ",), national.de_tax),
)  # fmt: skip

# After its name: about, the name, pattern of the number in lower case, needles, check
NAMED: tuple[tuple[str, str, str, Callable[[str], bool] | None], ...] = (
    ("US SSN", r"\bssn|social security|soc\.? sec", r"\d{3}[ -]?\d{2}[ -]?\d{4}", national.us_ssn),
    ("US ITIN, EIN", r"\bitin|\bein|tax(?:payer)? id|employer id(?:entification)?", r"9\d{2}[ -]?\d{2}[ -]?\d{4}|\d{2}-\d{7}", None),
    ("UK NHS number", r"\bnhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", national.uk_nhs),
    ("UK national insurance", r"national insurance|\bnino|\bni", r"[a-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[a-d]", None),
    ("Spanish DNI, NIE", r"\bdni|\bnie|\bnif", r"(?:\d{8}|[xyz]-?\d{7})-?[a-z]", None),
    ("German Steuer-ID", r"steuer-?(?:id|identifikationsnummer|nummer)|tax-?id|\bidnr|\btin", r"\d{2} ?\d{3} ?\d{3} ?\d{3}|\d{11}", national.de_tax),
    ("German insurance number", r"sozialversicherungsnummer|rentenversicherungsnummer|\bsvnr|\brvnr", r"\d{2} ?\d{6} ?[a-z] ?\d{3}", None),
    ("Dutch BSN", r"\bbsn|burgerservice(?:nummer)?|sofi", r"\d{9}|\d{4}[. ]\d{2}[. ]\d{3}|\d{3}[. ]\d{3}[. ]\d{3}", national.nl_bsn),
    ("Swedish personnummer", r"personnummer|personnr", r"(?:19|20)?\d{6}[-+]?\d{4}", national.se_person),
    ("Danish CPR, Norwegian number", r"\bcpr|fødselsnummer|personnummer", r"\d{6}[- ]?\d{4,5}", None),
    ("Brazilian CPF, CNPJ", r"\bcpf|\bcnpj", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}|\d{2}\.?\d{3}\.?\d{3}/?\d{4}-?\d{2}", None),
    ("Indian Aadhaar", r"aadhaa?r|\buidai|आधार", r"\d{4}[ -]?\d{4}[ -]?\d{4}", None),
    ("Canadian SIN", r"\bsin|social insurance|\bnas", r"\d{3}[ -]?\d{3}[ -]?\d{3}", national.ca_sin),
    ("Australian TFN", r"\btfn|tax file", r"\d{3}[ -]?\d{3}[ -]?\d{3}", national.au_tfn),
    ("Australian Medicare", r"medicare", r"[2-6]\d{3}[ -]?\d{5}[ -]?\d{1,2}", national.au_medicare),
    ("French NIR", r"\bnir|sécurité sociale|\binsee", r"[12] ?\d{2} ?\d{2} ?\d[\dab] ?\d{3} ?\d{3}(?: ?\d{2})?", None),
    ("Polish PESEL", r"pesel", r"\d{11}", None),
    ("Mexican CURP", r"\bcurp|\brfc", r"[a-z]{4}\d{6}[hm][a-z]{5}[a-z0-9]\d|[a-zñ&]{3,4}\d{6}[a-z0-9]{3}", None),
    ("Singapore NRIC", r"\bnric|\bfin", r"[stfgm]\d{7}[a-z]", None),
    ("Irish PPS", r"\bpps[n]?", r"\d{7}[a-w][a-i]?", None),
    ("South Korean number", r"주민등록번호|\brrn", r"\d{6}-?[1-8]\d{6}", None),
    ("Japanese My Number", r"マイナンバー|個人番号|my number", r"\d{4}[ -]?\d{4}[ -]?\d{4}", None),
    ("other national numbers", r"national[ _-]?id(?:entity|entification)?|identity card|id card|personal id|citizen id|personalausweis(?:nummer)?|ausweisnummer|carte d['’]identité",
     r"(?=[a-z]{0,4}\d)[a-z0-9]{6,14}(?:-[a-z0-9]{1,6})?", None),
)  # fmt: skip
OTHERS: tuple[tuple[str, str, str, str, Callable[[str], bool] | None], ...] = (
    ("passport", "passport numbers", r"passport|reisepass|passeport|pasaporte|passaporto|paszport|паспорт|护照|護照|旅券",
     r"(?=[a-z]{0,3}\d)[a-z0-9]{6,10}|\d{4} ?\d{6}", None),
    ("driving_licence", "driving licences", r"driv(?:er|ing)['’]?s?[ _]licen[cs]e|\bdl|führerschein(?:nummer)?|permis de conduire|licencia de conducir|rijbewijs",
     r"(?=[a-z]{0,5}\d)(?:[a-z0-9]{6,18}(?:-[a-z0-9]{2,8}){0,3}|[a-z0-9]{1,8}(?:[- ][a-z0-9]{2,8}){1,3})", None),
    ("medical_record", "medical record and insurance numbers", r"\bmrn|medical record|health insurance|member id|insurance (?:id|policy)|patient[ _]?id|krankenversicherten(?:nummer)?",
     r"(?=[a-z-]{0,5}\d)[a-z0-9][a-z0-9-]{4,15}", None),
    ("bank_account", "bank accounts, sort codes and routing numbers in context",
     r"\baccount(?:[ _]?(?:number|no|num))?|\bacct(?: ?(?:number|no))?|\ba/c|\bkonto(?:nummer|nr)?|\bcuenta|\bcompte|\brekening(?:nummer)?|\bsort[ _-]?code|bankleitzahl|\bblz|routing(?:_number)?|\baba|\bbsb|\bclabe|\bifsc",
     r"\d{2}-\d{2}-\d{2}|\d{3}-\d{3}|\d{3} ?\d{3} ?\d{2}|\d{6,18}|[a-z]{4}0[a-z0-9]{6}|\d{2,6}[ -]\d{3,8}(?:[ -]\d{2,8})?", None),
    ("device_id", "IMEI that check", r"\bimei", r"\d{15}|\d{2}-\d{6}-\d{6}-\d", validators.luhn),
    ("vehicle", "vehicle identification numbers in context", r"\bvin", r"[a-hj-npr-z0-9]{17}", None),
)  # fmt: skip


def _anywhere(about: str, number: str, needles: tuple[str, ...], holds: Callable[[str], bool]) -> Rule:
    least = _LEAST.get(about, 9)
    return rule(
        "national_id", rf"(?<![\w.+-])(?P<v>{number})(?![\w]|[.-]\d)", *needles, about=about, family="personal", where="digits", least=least, check=_checked(holds)
    )  # fmt: skip


def _named(kind: str, about: str, name: str, number: str, holds: Callable[[str], bool] | None) -> Rule:
    return after(
        kind, name, rf"(?![a-z]){_TO}(?P<v>{number})(?![\w]|[.,]\d)", about=about, family="personal", fold=True,
        check=_checked(holds) if holds else None,
    )  # fmt: skip


RULES = (
    *(_anywhere(*one) for one in ANYWHERE),
    *(_named("national_id", *one) for one in NAMED),
    *(_named(*one) for one in OTHERS),
)
