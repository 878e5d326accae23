"""The check digits of national identity numbers, a function a country.

Invariants: pure; each takes text as it was found and answers yes or no without raising for the characters that its rule
lets through. The rules that call them are in audit/rules/identity.py.
"""

from __future__ import annotations

from audit.validators import compact, luhn


def _digits(text: str) -> list[int]:
    return [int(char) for char in compact(text) if "0" <= char <= "9"]


def _weighted(digits: list[int], weights: tuple[int, ...]) -> int:
    return sum(digit * weight for digit, weight in zip(digits, weights))


def _date(month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= 31


def sg_nric(text: str) -> bool:
    """Singapore: seven digits with weights, a letter by the remainder modulo 11; the series tells the offset and letters."""
    series, digits, letter = text[0], text[1:-1], text[-1]
    total = sum(int(digit) * weight for digit, weight in zip(digits, (2, 7, 6, 5, 4, 3, 2), strict=True))
    total += {"T": 4, "G": 4, "M": 3}.get(series, 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "KLJNPQRTUWX"}[
        series
    ]
    at = total % 11
    return letter == letters[10 - at if series == "M" else at]


def us_ssn(text: str) -> bool:
    """Areas 000, 666 and 9xx were never given out, nor groups 00 or serials 0000."""
    digits = compact(text)
    return (
        len(digits) == 9
        and digits[:3] not in ("000", "666")
        and digits[0] != "9"
        and digits[3:5] != "00"
        and (digits[5:] != "0000")
    )


def uk_nino(text: str) -> bool:
    prefix = compact(text).upper()[:2]
    allowed = prefix[0] not in "DFIQUV" and prefix[1] not in "DFIOQUV"
    return allowed and prefix not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def uk_nhs(text: str) -> bool:
    digits = _digits(text)
    check = 11 - _weighted(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return len(digits) == 10 and len(set(digits)) > 1 and check % 11 == digits[9] and check != 10


def es_dni(text: str) -> bool:
    code = compact(text).upper()
    number = code[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == code[-1]


_ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22,
    25, 24, 23,
)))  # fmt: skip


def it_fiscal(text: str) -> bool:
    code = text.upper()
    even = sum(int(char) if char.isdigit() else ord(char) - 65 for char in code[1:15:2])
    return chr(65 + (even + sum(_ODD[char] for char in code[0:15:2])) % 26) == code[15]


def fr_nir(text: str) -> bool:
    code = compact(text).upper()
    if len(code) != 15 or not _nir_month(code[3:5]):
        return False
    number = int(code[:13].replace("2A", "19").replace("2B", "18"))
    return 97 - number % 97 == int(code[13:])


def _nir_month(text: str) -> bool:
    return 1 <= int(text) <= 12 or int(text) >= 20


def de_tax(text: str) -> bool:
    """ISO 7064 modulo 11, 10; one digit of the first ten stands twice or three times."""
    digits = _digits(text)
    product = 10
    for digit in digits[:10]:
        product = ((digit + product) % 10 or 10) * 2 % 11
    times = max(digits[:10].count(digit) for digit in set(digits[:10]))
    return len(digits) == 11 and digits[0] != 0 and times in (2, 3) and (11 - product) % 10 == digits[10]


def pl_pesel(text: str) -> bool:
    digits = _digits(text)
    month, day = (digits[2] * 10 + digits[3]) % 20, digits[4] * 10 + digits[5]
    check = -_weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10
    return len(digits) == 11 and _date(month, day) and check == digits[10]


def nl_bsn(text: str) -> bool:
    digits = _digits(text)
    return len(digits) == 9 and any(digits) and _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def se_person(text: str) -> bool:
    """Coordination numbers have 60 added to the day."""
    digits = _digits(text)[-10:]
    day = digits[4] * 10 + digits[5]
    return _date(digits[2] * 10 + digits[3], day - 60 if day > 60 else day) and luhn("".join(map(str, digits)))


def br_cpf(text: str) -> bool:
    digits = _digits(text)
    return (
        len(digits) == 11
        and len(set(digits)) > 1
        and all(_weighted(digits, tuple(range(size + 1, 1, -1))) * 10 % 11 % 10 == digits[size] for size in (9, 10))
    )


def br_cnpj(text: str) -> bool:
    digits = _digits(text)
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return (
        len(digits) == 14
        and len(set(digits)) > 1
        and all(-_weighted(digits, weights[13 - size :]) % 11 % 10 == digits[size] for size in (12, 13))
    )


_VERHOEFF = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5), (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7), (4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3), (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)  # fmt: skip
_PERMUTED = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7), (9, 4, 5, 3, 1, 2, 6, 8, 7, 0), (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5), (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)  # fmt: skip


def in_aadhaar(text: str) -> bool:
    digits, check = _digits(text), 0
    for at, digit in enumerate(reversed(digits)):
        check = _VERHOEFF[check][_PERMUTED[at % 8][digit]]
    return len(digits) == 12 and digits[0] > 1 and check == 0


def ca_sin(text: str) -> bool:
    digits = _digits(text)
    return len(digits) == 9 and digits[0] not in (0, 8) and luhn(compact(text))


def au_tfn(text: str) -> bool:
    digits = _digits(text)
    return len(digits) == 9 and _weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def au_medicare(text: str) -> bool:
    digits = _digits(text)
    return (
        len(digits) in (10, 11)
        and 2 <= digits[0] <= 6
        and (_weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == digits[8])
    )


def ch_ahv(text: str) -> bool:
    """EAN-13 with the country 756."""
    digits = _digits(text)
    return len(digits) == 13 and -_weighted(digits, (1, 3) * 6) % 10 == digits[12]


def be_national(text: str) -> bool:
    digits = compact(text)
    return len(digits) == 11 and any(97 - int(base + digits[:9]) % 97 == int(digits[9:]) for base in ("", "2"))


def fi_person(text: str) -> bool:
    code = text.upper()
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(code[:6] + code[7:10]) % 31] == code[10]


def cn_id(text: str) -> bool:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = _weighted([int(char) for char in text[:17]], weights)
    return _date(int(text[10:12]), int(text[12:14])) and "10X98765432"[total % 11] == text[17].upper()


def _eleven(digits: list[int], weights: tuple[int, ...]) -> int:
    """Modulo 11 of a weighted sum, counted from 11."""
    return (11 - _weighted(digits, weights) % 11) % 11


def cl_rut(text: str) -> bool:
    code = compact(text).upper()
    weights = (2, 3, 4, 5, 6, 7, 2, 3)
    return "0123456789K"[_eleven([int(char) for char in reversed(code[:-1])], weights)] == code[-1]


def ar_cuit(text: str) -> bool:
    digits = _digits(text)
    return len(digits) == 11 and _eleven(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) == digits[10]


def pt_nif(text: str) -> bool:
    digits = _digits(text)
    check = _eleven(digits, (9, 8, 7, 6, 5, 4, 3, 2))
    return len(digits) == 9 and digits[0] in (1, 2, 3, 5, 6, 7, 8, 9) and (0 if check == 10 else check) == digits[8]


def za_id(text: str) -> bool:
    """Born on a day, a citizen or not, Luhn."""
    digits = _digits(text)
    return (
        len(digits) == 13
        and _date(digits[2] * 10 + digits[3], digits[4] * 10 + digits[5])
        and digits[10] < 3
        and luhn(text)
    )


def cz_birth(text: str) -> bool:
    """Women have 50 added to the month; both may have 20 added. Modulo 11 is 0, where there are ten digits."""
    digits = _digits(text)
    month = (digits[2] * 10 + digits[3]) % 50 % 20
    return len(digits) == 10 and _date(month, digits[4] * 10 + digits[5]) and int("".join(map(str, digits))) % 11 == 0


def th_id(text: str) -> bool:
    digits = _digits(text)
    return len(digits) == 13 and _eleven(digits, (13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)) % 10 == digits[12]


def ru_snils(text: str) -> bool:
    digits = _digits(text)
    return (
        len(digits) == 11 and _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, 1)) % 101 % 100 == digits[9] * 10 + digits[10]
    )


def born(text: str) -> bool:
    """The first six digits are a day: year, month, day."""
    digits = _digits(text)
    return _date(digits[2] * 10 + digits[3], digits[4] * 10 + digits[5])


def mx_curp(text: str) -> bool:
    return born(text[4:10])
