"""Numbers of people: national identity, tax, health insurance, passports, driving licences, bank accounts, devices.

A number whose form and check digits leave little to chance is masked wherever it stands; one that any ten digits may be
only after its name. The table says which.

Invariant: where a country defines check digits, a number without its name holds them (audit/national.py); after a name
that other things have, too, likewise.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from audit import national, validators
from audit.rules.base import Check, Rule, after, rule
from audit.rules.letters import JOINED

_IS = "is|was|ist|war|lautet|es|era|est|è|é|er|är|jest|este|je|είναι|היא|هو|هي"


def _to(blank: str) -> str:
    """What may stand between a name and its number: its ending, words in brackets, whose it is, a sign."""
    number = rf"(?:[{blank}_-]?(?:number|num|nummer|numer|numero|número|numéro|numara(?:m|sı|si)?|n[º°]|no|nr|kod|code|id|号码|號碼|番号|字號|字号|号))?\.?"
    whose = rf"(?:[{blank}]?\([^()\n]{{1,24}}\)|(?: [^\W\d_]{{1,12}}+){{1,3}}?(?=[{blank}]?[:=：]|[{blank}](?:{_IS})[{blank}]))?"
    sign = rf"(?:[{blank}](?:{_IS}|on)[{blank}]|[{blank}]{{0,3}}(?:[:=：#|,>]|=>|は|是|为|為)?[{blank}]{{0,12}})"
    return rf"{number}[\"'*_)\]]{{0,3}}{whose}{sign}[\"']?"


# How many digits the numbers that may stand anywhere have, where that is not nine
_LEAST = {
    "UK national insurance": 6, "Spanish DNI, NIE": 7, "Singapore NRIC": 7, "Italian codice fiscale": 7, "Indian PAN": 4, "Mexican CURP in its form": 6, "Chilean RUT in its form": 7,
    "South Korean number in its form": 12, "Malaysian MyKad in its form": 12, "Pakistani CNIC in its form": 12, "Emirates ID in its form": 12,
    "Thai number in its form": 12, "Chinese identity card": 12, "Swiss AHV": 12, 
    "Brazilian CNPJ in its form": 12, "Indian Aadhaar in its form": 12, "French NIR": 12,
}  # fmt: skip


def _checked(holds: Callable[[str], bool]) -> Check:
    """The check of the masked part. What stands in ``text`` is asked, not its lower case."""

    def check(text: str, found: re.Match[str]) -> bool:
        start, end = found.span("v")
        return holds(text[start:end])

    return check


# Anywhere: about, pattern of the number (bounded by the table's maker), what it holds beside digits, check
ANYWHERE: tuple[tuple[str, str, tuple[str, ...], Callable[[str], bool]], ...] = (
    ("US SSN in its form", r"\d{3}-\d{2}-\d{4}", ("-",), national.us_ssn),
    ("Singapore NRIC", r"[STFGM]\d{7}[A-Z]", tuple("STFGM"), national.sg_nric),
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
    ("Chilean RUT in its form", r"\d{1,2}\.\d{3}\.\d{3}-[\dkK]", (".",), national.cl_rut),
    ("Argentine CUIT in its form", r"(?:20|2[3-7]|3[034])-\d{8}-\d", ("-",), national.ar_cuit),
    ("Mexican CURP in its form", r"[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d", ("H", "M", "X"), national.mx_curp),
    ("South Korean number in its form", r"\d{6}-[1-8]\d{6}", ("-",), national.born),
    ("Malaysian MyKad in its form", r"\d{6}-\d{2}-\d{4}", ("-",), national.born),
    ("Czech and Slovak number in its form", r"\d{6}/\d{4}", ("/",), national.cz_birth),
    ("Pakistani CNIC in its form", r"[1-7]\d{4}-\d{7}-\d", ("-",), lambda text: True),
    ("Emirates ID in its form", r"784-(?:19|20)\d{2}-\d{7}-\d", ("784-",), lambda text: True),
    ("Thai number in its form", r"[1-8]-\d{4}-\d{5}-\d{2}-\d", ("-",), national.th_id),
    ("Russian SNILS in its form", r"\d{3}-\d{3}-\d{3} \d{2}", ("-",), national.ru_snils),
    ("Polish PESEL", r"\d{2}(?:[02468][1-9]|[13579][0-2])[0-3]\d{6}", (), national.pl_pesel),
    ("German tax number (Steuer-ID) in its form", r"[1-9]\d (?:\d{3} ){2}\d{3}", (" ",), national.de_tax),
)  # fmt: skip

_LATIN = r"(?:[vej]-?)?\d{1,3}(?:\.\d{3}){1,3}-?[\dk]?|\d{2}-\d{7,8}-\d|\d{7,8}-[\dk]|(?:[vej]-)?\d{8,12}(?:-\d)?"
_ANY = r"\d(?:[ -]?\d){7,16}"

# After its name: about, the name, pattern of the number in lower case, needles, check
NAMED: tuple[tuple[str, str, str, Callable[[str], bool] | None], ...] = (
    ("US SSN", r"\bssn|social security|soc\.? sec", r"\d{3}[ -]?\d{2}[ -]?\d{4}", national.us_ssn),
    ("US ITIN, EIN", r"\bitin|\bein|tax(?:payer)? id|employer id(?:entification)?", r"9\d{2}[ -]?\d{2}[ -]?\d{4}|\d{2}-\d{7}", None),
    ("UK NHS number", r"\bnhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", national.uk_nhs),
    ("UK national insurance", r"national insurance|\bnino|\bni", r"[a-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[a-d]", None),
    ("Spanish DNI, NIE", r"\bdni|\bnie|\bnif", r"(?:\d{8}|[xyz]-?\d{7})-?[a-z]", None),
    ("German Steuer-ID", r"steuer-?(?:id|identifikationsnummer|identnummer|nummer)|steuerliche (?:id|identifikationsnummer)|\bidnr|\bid-nr|identifikationsnummer", r"\d{2} ?\d{3} ?\d{3} ?\d{3}|\d{2,3}/\d{3}/\d{4,5}", None),
    ("tax ids of some countries", r"tax[ _-]?id|\btin", r"\d{2} ?\d{3} ?\d{3} ?\d{3}|\d{11}", national.de_tax),
    ("German insurance number", r"sozialversicherungsnummer|rentenversicherungsnummer|\bsvnr|\brvnr", r"\d{2} ?\d{6} ?[a-z] ?\d{3}", None),
    ("Dutch BSN", r"\bbsn|burgerservice(?:nummer)?|sofi", r"\d{9}|\d{4}[. ]\d{2}[. ]\d{3}|\d{3}[. ]\d{3}[. ]\d{3}", national.nl_bsn),
    ("Swedish personnummer", r"personnummer|personnr", r"(?:19|20)?\d{6}[-+]?\d{4}", national.se_person),
    ("Danish CPR, Norwegian number", r"\bcpr|fødselsnummer|fodselsnummer|personnummer|\bfnr|\bfnummer", r"\d{6}[- ]?\d{4,5}", None),
    ("Brazilian CPF, CNPJ", r"\bcpf|\bcnpj", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}|\d{2}\.?\d{3}\.?\d{3}/?\d{4}-?\d{2}", None),
    ("Indian Aadhaar", r"aadhaa?r|\buidai|आधार", r"\d{4}[ -]?\d{4}[ -]?\d{4}", None),
    ("Canadian SIN", r"\bsin|social insurance|\bnas", r"\d{3}[ -]?\d{3}[ -]?\d{3}", national.ca_sin),
    ("Australian TFN", r"\btfn|tax[ _]file", r"\d{3}[ -]?\d{3}[ -]?\d{3}", national.au_tfn),
    ("Australian Medicare", r"medicare", r"[2-6]\d{3}[ -]?\d{5}[ -]?\d{1,2}", national.au_medicare),
    ("French NIR", r"\bnir|sécurité sociale|\binsee", r"[12] ?\d{2} ?\d{2} ?\d[\dab] ?\d{3} ?\d{3}(?: ?\d{2})?", None),
    ("Polish PESEL", r"pesel", r"\d{11}", None),
    ("Mexican CURP", r"\bcurp|\brfc", r"[a-z]{4}\d{6}[hm][a-z]{5}[a-z0-9]\d|[a-zñ&]{3,4}\d{6}[a-z0-9]{3}", None),
    ("Singapore NRIC", r"\bnric|\bfin", r"[stfgm]\d{7}[a-z]", None),
    ("Irish PPS", r"\bpps[n]?", r"\d{7}[a-w][a-i]?", None),
    ("South Korean number", r"주민등록번호|\brrn", r"\d{6}-?[1-8]\d{6}", None),
    ("Japanese My Number", r"マイナンバー|個人番号|my number", r"\d{4}[ -]?\d{4}[ -]?\d{4}", None),
    ("South African number", r"\bid number|\bid no|\bid nr|identity number|south african id|\brsa id|\bsa id|\bsaid", r"\d{6} ?\d{4} ?\d{3}", national.za_id),
    ("numbers of Latin America (RUT, CUIT, cédula)", r"\brut|\bcuit|\bcuil|cédula(?: de (?:ciudadanía|identidad))?|cedula(?: de (?:ciudadania|identidad))?|\bdni|clave única", _LATIN, None),
    ("Portuguese NIF, NISS, cartão de cidadão", r"\bnif|contribuinte|segurança social|\bniss|cartão de cidad[ãa]o|cartao de cidad[ãa]o", r"[1-9]\d{2} ?\d{3} ?\d{3}|[12]\d{10}|\d{8} ?\d ?[a-z]{2}\d", None),
    ("numbers of Central, Eastern and Northern Europe", r"\bcnp|rodné číslo|rodne cislo|\begn|\bегн|\boib(?: kupca| kupac| stranke)?|\bemšo|\bemso|\bjmbg|isikukood|asmens kodas|personas kods|adóazonosító|személyi|\bregon|"
     r"cod numeric personal|\bинн|\bснилс|\bsnils|\bіпн|\bрнокпп|\bиин|kennitala|\bhetu|henkilötunnus|personbeteckning",
     r"\d{6}[/-]?\d{3,5}|\d{8,14}|\d{3}-\d{3}-\d{3}[ -]\d{2}|\d{3}-\d{3}-\d{2}-\d{2}|\d{3} \d{3} \d{3}|\d[ -]\d{6}[ -]\d{4}|\d{6}[a-f+-]\d{3}[0-9a-y]", None),
    ("numbers of Turkey, Greece, Israel, the Gulf", r"kimlik|\btckn|vergi|αφμ|αμκα|\bamka|teudat|תעודת זהות|emirates id|\biqama|national number|الرقم القومي|رقم الهوية|کد ملی",
     r"\d{9,14}|784-?\d{4}-?\d{7}-?\d", None),
    ("numbers of Asia, Austria, Belgium, Switzerland", r"\bcnic|\bmykad|\bcccd|\bcmnd|\bumid|\bhkid|\bkra pin|เลขประจำตัวประชาชน|身份证|身分證|国民身份|voter id|\bsvnr|\bsv-n(?:umme)?r|"
     r"sozialversicherungs(?:nummer|-?nr)|rijksregister(?:nummer)?|registre national|\binsz|\bahv|matricule|partita iva|p\.iva|p\. iva|dowód osobisty|občanský průkaz|cartão de identidade",
     r"\d{5}-?\d{7}-?\d|\d{6}-?\d{2}-?\d{4}|[a-z]{1,3}\d{6,8}\(?[\da]?\)?|\d{2}[. ]\d{2}[. ]\d{2}-?[. ]?\d{3}[.-]?\d{2}|\d{4} ?\d{6}|\d(?:[ -]?\d){8,17}x?", None),
    ("other national numbers", r"national[ _-]?id(?:entity|entification)?|identity card|id card|personal id|citizen id|personalausweis(?:nummer)?|ausweisnummer|carte d['’]identité",
     r"(?=[a-z]{0,4}\d)[a-z0-9]{6,14}(?:-[a-z0-9]{1,6})?", None),
)  # fmt: skip
# Abbreviations that are parts of many words are names in capitals alone
CAPITALS: tuple[tuple[str, str, str], ...] = (
    ("numbers of Latin America, in capitals (RUN, RUC, NIT)", r"\bRUN|\bRUC|\bRG|\bPIS|\bCC|\bNIT|\bINE|\bCI|\bNSS|\bCPF", "latin"),
    ("numbers of other countries, in capitals (NIN, BVN, KTP, NIK, INN, NIP, TAJ, AFM)",
     r"\bNIN|\bBVN|\bKTP|\bNIK|\bINN|\bNIP|\bTAJ|\bAFM|\bSSS|\bIRD|\bAVS|\bEPIC|\bJMB|\bEMB", "any"),
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
        "national_id", rf"(?<!{JOINED})(?<![.+-])(?P<v>{number})(?!{JOINED}|[.-]\d)", *needles, about=about, family="personal", where="digits", least=least, check=_checked(holds)
    )  # fmt: skip


def _named(kind: str, about: str, name: str, number: str, holds: Callable[[str], bool] | None) -> Rule:
    # ``--query Account`` above a number
    to = _to(r" \t" if kind == "bank_account" else r"\s")
    return after(
        kind, name, rf"(?:(?![a-z])|(?=-?nummer|-?nr)){to}(?P<v>{number})(?!{JOINED}|[.,]\d)", about=about, family="personal", fold=True,
        check=_checked(holds) if holds else None,
    )  # fmt: skip


RULES = (
    *(_anywhere(*one) for one in ANYWHERE),
    *(_named("national_id", *one) for one in NAMED),
    *(
        after(
            "national_id",
            name,
            rf"(?![A-Za-z]){_to(' ')}(?P<v>{_LATIN if form == 'latin' else _ANY})(?!{JOINED}|[.,]\d)",
            about=about,
            family="personal",
            exact=True,
        )
        for about, name, form in CAPITALS
    ),
    *(_named(*one) for one in OTHERS),
)
