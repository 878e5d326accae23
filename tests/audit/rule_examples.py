"""A text that is masked and one that is nearly it and stays, for what the corpus does not hold."""

from __future__ import annotations

from tests.audit.corpus.values import Values

_V = Values(11)
_KEY = _V.chars(40)

EXAMPLES: dict[str, str] = {
    "password: hunter2": "password: required",
    'password = "swordfish"': 'password = "password"',
    "DB_PASSWORD=swordfish": "DB_PASSWORD=${PASSWORD}",
    "token = 'a81bc81bdead4e5d'": "token = 'identifier'",
    "--password Tr0ub4dor": "--password --verbose",
    "<token>a81bc81bdead4e5d</token>": "<token>string</token>",
    "ENV API_TOKEN a81bc81bdead4e5d": "ENV API_TOKEN production",
    "requirepass swordfish": "requirepass <password>",
    "mysql -u root -pTr0ub4dor": "mysql -u root -p",
    "redis-cli -h x -a Tr0ub4dor": "redis-cli -h x -a $PASS",
    "curl -u bob:Tr0ub4dor https://x.example": "curl -u bob: https://x.example",
    "echo root:Tr0ub4dor | chpasswd": "echo root | chpasswd",
    "db.example:5432:shop:bob:Tr0ub4dor": "db.example:5432:shop:bob",
    "Bearer a81bc81bdead4e5d": "Bearer authentication",
    "Basic " + _V.make("basic"): "Basic authentication",
    "Authorization: Token a81bc81bdead4e5d": "Authorization: Token <token>",
    "Cookie: sid=a81bc81bdead4e5d": "Cookie: theme=dark",
    "curl --cookie 'sid=a81bc81bdead4e5d' x": "curl --cookie 'theme=dark' x",
    "https://bob:Tr0ub4dor@x.example/": "https://x.example:8080/@bob",
    f"https://{_V.chars(32, 'abcdef0123456789')}@x.example/1": "https://x.example/@abcdef",
    "https://x.example/?sig=a81bc81bdead4e5dA": "https://x.example/?sig=short",
    "AccountKey=" + _V.make("azure_storage"): "AccountKey=<account key here>",
    "Secret access key: " + _KEY: "Secret access key: "
    + _KEY[:20].lower().translate(str.maketrans("0123456789", "abcdefghij")).replace(_KEY[0], "q")[:6],
    "PIN: 4821": "PIN: four digits",
    _V.make("bcrypt"): "$2b$12$tooshort",
    "mail bob@x.example": "decorate with @example.route",
    "bob [at] x [dot] example": "meet [at] noon",
    "card 4111 1111 1111 1111": "card 4111 1111 1111 1112",
    "DE89 3704 0044 0532 0130 00": "DE89 3704 0044 0532 0130 01",
    "from 203.0.113.9": "from version 203.0.113.9",
    "at 2001:db8::8a2e:370:7334": "at 12:30:45",
    "at 2a02:8109:9ac0:1f4c:d1f2:77ff:fe3a:9b21": "sum 2a02:8109:9ac0:1f4c",
    "mac 3c:22:fb:9a:10:7e": "mac 00:00:00:00:00:00",
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2": "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq": "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp",
    "0x742d35Cc6634C0532925a3b844Bc454e4438f44e": "0x742d35Cc6634C0532925a3b844Bc454e4438f4",
    "dob: 1985-03-12": "due: 1985-03-12",
    "742 Evergreen Terrace": "742 evergreen trees",
    "Hauptstraße 12, 10115 Berlin": "die Hauptstraße entlang",
    "12 rue de la Paix, 75002 Paris": "la rue de la Paix",
    "P.O. Box 1234": "P.O. Box of chocolates",
    "my name is Jane Doe": "my name is what I asked",
    "我叫王小明": "叫我",
    "Mrs Whitby": "Mrs and Mr",
    "Dear Kevin,": "Dear team,",
    "Kind regards,\nSarah Connor": "Kind regards,\nthe team",
    "full_name: Priya Raman": "full_name: string",
    "author: Jane Smith": "author: Red Hat",
    "by Xu Qiang <x@y.example>": "by Xu Qiang <no mail>",
    "SSN 123-45-6789": "SSN 000-45-6789",
    "+49 30 1234567": "+49 30",
    "415-555-0132": "415-555-013",
    "0171 2345678": "0171 234",
    "(11) 91234-5678": "(11) 91234",
    "call me at 5551234567": "call me at 12",
    "passport C01X00T47": "passport required",
}

# One for each of the rules that only a few countries use
ANYWHERE: tuple[str, ...] = (
    "tax id 12-3456789", "hetu 131052-308T", "93.05.18-223.61", "11010519491231002X", "44051401359", "65 170 839 203 1".replace("203 1", "203"),
    "Sozialversicherungsnummer 65 170839 J 003", "CPR 070761-4285", "CURP HEGG560427MVZRRL04", "NRIC S1234567D", "PPS 1234567T",
    "주민등록번호 900101-1234567", "マイナンバー 1234 5678 9012", "tarjeta DNI: 12345678Z", "national insurance QQ 12 34 56 C",
    "Steuer-ID 65 929 970 489".replace("65 929", "65 929"), "NIR 1850578006", "Personalausweis L01X00T471", "PuTTY-User-Key-File-3: ssh-ed25519\n"
    "Comment: x\nPrivate-Lines: 1\nAAAAIEFhQUFB\n", _V.make("twilio"), "sess-" + _V.chars(40), "1//0" + _V.chars(40), "GR1348941" + _V.chars(20),
    "xapp-1-" + _V.chars(40), "api_org_" + _V.chars(34), "fw_" + _V.chars(24), "nvapi-" + _V.chars(60), "lsv2_pt_" + _V.chars(40), "tvly-" + _V.chars(32),
    "pcsk_" + _V.chars(60), "EAAA" + _V.chars(60), "sq0atp-" + _V.chars(22), "EAA" + _V.chars(120), "figd_" + _V.chars(40),
    "PMAK-" + _V.chars(24) + "-" + _V.chars(34), "sntrys_" + _V.chars(60), "dckr_pat_" + _V.chars(27), "pscale_tkn_" + _V.chars(40), "sbp_" + _V.chars(40),
    "ck_live_" + _V.chars(30), "FlyV1 fm2_" + _V.chars(80), "pul-" + _V.chars(40, "0123456789abcdef"), "tskey-auth-" + _V.chars(30),
    "re_" + _V.chars(8) + "_" + _V.chars(24), "xkeysib-" + _V.chars(64, "0123456789abcdef") + "-" + _V.chars(16), "pat" + _V.chars(14) + "." + _V.chars(64, "0123456789abcdef"),
    _V.chars(76) + "+AStAbCdEf==", _V.chars(52) + "JQQJ99" + _V.chars(20), "Signature=" + _V.chars(64, "0123456789abcdef"),
)  # fmt: skip
