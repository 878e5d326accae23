"""Invented keys and numbers with valid forms and check digits, from a fixed seed."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable

from audit import national, validators

_ALNUM = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_UPPER = string.ascii_uppercase + string.digits
_URL = _ALNUM + "-_"


class Values:
    """``make(name)``: the next value of a kind."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def chars(self, size: int, alphabet: str = _ALNUM) -> str:
        drawn = [self.random.choice(alphabet) for _ in range(size)]
        drawn[size // 2] = self.random.choice([char for char in alphabet if char.isdigit()] or list(alphabet))
        drawn[-1] = self.random.choice([char for char in alphabet if char.isalnum()])
        return "".join(drawn)

    def until(self, holds: Callable[[str], bool], form: str) -> str:
        """A number in ``form`` (# a digit, @ an upper-case letter) that passes its check."""
        while True:
            text = "".join(
                self.random.choice(string.digits)
                if char == "#"
                else self.random.choice(string.ascii_uppercase)
                if char == "@"
                else char
                for char in form
            )
            if holds(text):
                return text

    def jwt(self) -> str:
        def part(value: object) -> str:
            return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

        return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': self.chars(8), 'iat': 1700000000})}.{self.chars(43, _URL)}"

    def pem(self, what: str = "RSA PRIVATE KEY", lines: int = 4, end: bool = True, newline: str = "\n") -> str:
        body = [self.chars(64, _ALNUM + "+/") for _ in range(lines - 1)] + [self.chars(30) + "=="]
        return newline.join([f"-----BEGIN {what}-----", *body, *([f"-----END {what}-----"] if end else [])])

    def make(self, name: str) -> str:
        return FORMS[name](self)


def _iban(form: str) -> Callable[[Values], str]:
    return lambda v: v.until(validators.iban, form)


FORMS: dict[str, Callable[[Values], str]] = {
    "openai_project": lambda v: "sk-proj-" + v.chars(20) + "_" + v.chars(40, _URL) + "T3BlbkFJ" + v.chars(40),
    "openai": lambda v: "sk-" + v.chars(20) + "T3BlbkFJ" + v.chars(20),
    "openai_service": lambda v: "sk-svcacct-" + v.chars(60, _URL),
    "anthropic": lambda v: "sk-ant-api03-" + v.chars(93, _URL) + "AA",
    "bridge": lambda v: "brk_" + v.chars(40, _URL),
    "aws_id": lambda v: "AK" + "IA" + v.chars(16, string.ascii_uppercase + "234567"),
    "aws_temp_id": lambda v: "AS" + "IA" + v.chars(16, string.ascii_uppercase + "234567"),
    "aws_secret": lambda v: v.chars(19) + "/" + v.chars(20),
    "google": lambda v: "AI" + "za" + v.chars(35, _URL),
    "google_oauth": lambda v: "ya" + "29." + v.chars(100, _URL),
    "google_client": lambda v: "GOC" + "SPX-" + v.chars(28, _URL),
    "github": lambda v: "gh" + "p_" + v.chars(36),
    "github_oauth": lambda v: "gh" + "o_" + v.chars(36),
    "github_server": lambda v: "gh" + "s_" + v.chars(36),
    "github_fine": lambda v: "github" + "_pat_" + v.chars(22) + "_" + v.chars(59),
    "gitlab": lambda v: "gl" + "pat-" + v.chars(20, _URL),
    "slack_bot": lambda v: "xo" + "xb-" + v.chars(12, string.digits) + "-" + v.chars(13, string.digits) + "-" + v.chars(24),
    "slack_user": lambda v: "xo" + "xp-" + v.chars(12, string.digits) + "-" + v.chars(12, string.digits) + "-" + v.chars(32, _HEX),
    "slack_hook": lambda v: v.chars(24),
    "discord_hook": lambda v: v.chars(68, _URL),
    "stripe": lambda v: "sk" + "_live_" + v.chars(24),
    "stripe_test": lambda v: "sk" + "_test_" + v.chars(24),
    "stripe_restricted": lambda v: "rk" + "_live_" + v.chars(24),
    "stripe_hook": lambda v: "wh" + "sec_" + v.chars(32),
    "twilio": lambda v: "SK" + v.chars(32, _HEX),
    "twilio_account": lambda v: "AC" + v.chars(32, _HEX),
    "sendgrid": lambda v: "S" + "G." + v.chars(22, _URL) + "." + v.chars(43, _URL),
    "npm": lambda v: "np" + "m_" + v.chars(36),
    "pypi": lambda v: "py" + "pi-AgEIcHlwaS5vcmc" + v.chars(120, _URL),
    "huggingface": lambda v: "h" + "f_" + v.chars(34),
    "digitalocean": lambda v: "do" + "p_v1_" + v.chars(64, _HEX),
    "databricks": lambda v: "da" + "pi" + v.chars(32, _HEX),
    "mailgun": lambda v: "ke" + "y-" + v.chars(32, _HEX),
    "mailchimp": lambda v: v.chars(32, _HEX) + "-us12",
    "groq": lambda v: "gs" + "k_" + v.chars(52),
    "xai": lambda v: "xa" + "i-" + v.chars(80),
    "replicate": lambda v: "r8" + "_" + v.chars(37),
    "openrouter": lambda v: "sk-" + "or-v1-" + v.chars(64, _HEX),
    "linear": lambda v: "li" + "n_api_" + v.chars(40),
    "notion": lambda v: "nt" + "n_" + v.chars(46),
    "notion_old": lambda v: "sec" + "ret_" + v.chars(43),
    "vault": lambda v: "hv" + "s." + v.chars(24, _URL),
    "doppler": lambda v: "dp" + ".pt." + v.chars(43),
    "age": lambda v: "AGE-SEC" + "RET-KEY-1" + v.chars(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    "telegram": lambda v: v.chars(10, "123456789") + ":AA" + v.chars(33, _URL),
    "discord": lambda v: "MT" + v.chars(22) + "." + v.chars(6) + "." + v.chars(38, _URL),
    "shopify": lambda v: "shp" + "at_" + v.chars(32, _HEX),
    "perplexity": lambda v: "pp" + "lx-" + v.chars(48),
    "atlassian": lambda v: "AT" + "ATT3xFfGF0" + v.chars(170, _URL) + "=" + v.chars(8, "0123456789ABCDEF"),
    "azure_storage": lambda v: v.chars(86, _ALNUM + "+/") + "==",
    "azure_secret": lambda v: v.chars(3) + "8Q~" + v.chars(34, _ALNUM + "_~.-"),
    "terraform": lambda v: v.chars(14) + ".atlas" + "v1." + v.chars(67),
    "newrelic": lambda v: "NR" + "AK-" + v.chars(27, _UPPER),
    "grafana": lambda v: "gl" + "sa_" + v.chars(32) + "_" + v.chars(8, _HEX),
    "sas": lambda v: v.chars(43) + "%3D",
    "jwt": Values.jwt,
    "pem": Values.pem,
    "pem_escaped": lambda v: v.pem("PRIVATE KEY", newline="\\n"),
    "pem_openssh": lambda v: v.pem("OPENSSH PRIVATE KEY", 5),
    "pem_ec": lambda v: v.pem("EC PRIVATE KEY", 3),
    "pem_cut": lambda v: v.pem("RSA PRIVATE KEY", 3, end=False),
    "hex20": lambda v: v.chars(20, _HEX),
    "hex32": lambda v: v.chars(32, _HEX),
    "hex40": lambda v: v.chars(40, _HEX),
    "hex64": lambda v: v.chars(64, _HEX),
    "token16": lambda v: v.chars(16),
    "token24": lambda v: v.chars(24),
    "token40": lambda v: v.chars(40, _URL),
    "base64_44": lambda v: v.chars(43, _ALNUM + "+/") + "=",
    "uuid": lambda v: "-".join(v.chars(size, _HEX) for size in (8, 4, 4, 4, 12)),
    "basic": lambda v: base64.b64encode(f"deploy:{v.chars(12)}".encode()).decode(),
    "bcrypt": lambda v: "$2b$12$" + v.chars(53),
    "visa": lambda v: v.until(validators.card, "4### #### #### ####"),
    "visa_plain": lambda v: v.until(validators.card, "4###############"),
    "mastercard": lambda v: v.until(validators.card, "53##-####-####-####"),
    "amex": lambda v: v.until(validators.card, "37## ###### #####"),
    "discover": lambda v: v.until(validators.card, "6011############"),
    "iban_de": _iban("DE## #### #### #### #### ##"),
    "iban_gb": _iban("GB##NWBK##############"),
    "iban_fr": _iban("FR## #### #### #### #### #### ###"),
    "iban_nl": _iban("NL##ABNA##########"),
    "iban_es": _iban("ES## #### #### #### #### ####"),
    "iban_it": _iban("IT##X##########@#########@#"),
    "iban_ch": _iban("CH## #### #### #### #### #"),
    "iban_pl": _iban("PL##########################"),
    "ssn": lambda v: v.until(lambda text: national.us_ssn(text) and text[0] in "12345", "###-##-####"),
    "ssn_plain": lambda v: v.until(lambda text: national.us_ssn(text) and text[0] in "12345", "#########"),
    "nino": lambda v: v.until(national.uk_nino, "AB ## ## ## C"),
    "nino_plain": lambda v: v.until(national.uk_nino, "JG######A"),
    "nhs": lambda v: v.until(national.uk_nhs, "### ### ####"),
    "dni": lambda v: v.until(national.es_dni, "########Z"),
    "nie": lambda v: v.until(national.es_dni, "X#######L"),
    "fiscal": lambda v: v.until(national.it_fiscal, "RSSMRA##T10A###@"),
    "nir": lambda v: v.until(national.fr_nir, "1 85 05 78 006 ### ##"),
    "steuer": lambda v: v.until(national.de_tax, "## ### ### ###"),
    "pesel": lambda v: v.until(national.pl_pesel, "850512#####"),
    "bsn": lambda v: v.until(national.nl_bsn, "1########"),
    "personnummer": lambda v: v.until(national.se_person, "19850112-####"),
    "cpf": lambda v: v.until(national.br_cpf, "###.###.###-##"),
    "cnpj": lambda v: v.until(national.br_cnpj, "##.###.###/0001-##"),
    "aadhaar": lambda v: v.until(national.in_aadhaar, "#### #### ####"),
    "sin": lambda v: v.until(national.ca_sin, "### ### ###"),
    "tfn": lambda v: v.until(national.au_tfn, "### ### ###"),
    "medicare": lambda v: v.until(national.au_medicare, "2### ##### #"),
    "ahv": lambda v: v.until(national.ch_ahv, "756.####.####.##"),
    "imei": lambda v: v.until(validators.luhn, "35###########" + "##"),
}  # fmt: skip
