"""Passwords that a command line or a call takes at a place of its own, without a word that says so.

The tables name the programs and where they take it: after a flag of theirs, after a word, as an argument of a call.

Invariants: what is masked is the value alone; a flag belongs to a program that stands before it in the same command.
"""

from __future__ import annotations

import re

from audit.rules import plausible
from audit.rules.base import Rule, after, rule
from audit.rules.pairs import stated

# The programs, the flag, whether the value may follow without a space
OPTIONS: tuple[tuple[str, str, bool], ...] = (
    ("mysql|mysqldump|mysqladmin|mysqlimport|mariadb|mycli|7z x|7z a|7z e|7za x|7za a", "-p", True),
    ("docker login|podman login|buildah login|skopeo login|oras login|helm registry login|nerdctl login|az login|az acr login|oc login|cf login|"
     "twine upload|psexec|mongosh|mongo|mongodump|mongorestore|mongoexport|mongoimport|rdesktop|cqlsh|influx|snowsql|crackmapexec|evil-winrm|"
     "smbmap|rabbitmqadmin|hdbsql|clickhouse-client|sshpass|argocd login|jf config|ampy|winexe|nxc", "-p", False),
    ("redis-cli|keydb-cli|valkey-cli", "-a", False),
    ("mosquitto_pub|mosquitto_sub|sqlcmd|bcp|osql|isql|tsql|ipmitool|zip|unzip|unrar|beeline", "-P", False),
    ("ldapsearch|ldapadd|ldapmodify|ldapdelete|ldapwhoami|ldappasswd|ldapcompare", "-w", True),
    ("security add-generic-password|security add-internet-password", "-w", False),
    ("security unlock-keychain|security set-key-partition-list", "-p", False),
    ("openssl enc|openssl aes-256-cbc|openssl des3", "-k", False),
    ("dotnet nuget push|nuget push|cosign", "-k", False),
    ("codecov|sonar-scanner", "-t", False),
    ("snmpwalk|snmpget|snmpset|snmpbulkwalk", "-A", False),
    ("useradd|usermod", "-p", False),
    ("influx", "-t", False),
    ("ssh-keygen", "-P", False),
    ("ssh-keygen", "-N", False),
)  # fmt: skip


def _option(programs: str, flag: str, glued: bool) -> Rule:
    parted = "[ =]?" if glued else "[ =]"
    return after(
        "secret", programs, rf"(?: [^\n|;&]{{0,90}}?)? {flag}{parted}(?:[\"'](?P<v>[^\"'\n]{{3,120}}+)[\"']|(?P<w>[^\s\"'`;|&]{{3,120}}+))",
        exact=True, check=_given, about=f"`{programs.partition('|')[0]} {flag} PASSWORD`" + (" and the like" if "|" in programs else ""),
    )  # fmt: skip


_PORT_OR_PATH = re.compile(r"\d{1,5}(?::\d{1,5})?|[./~].{0,200}")


def _given(text: str, found: re.Match[str]) -> list[tuple[int, int]]:
    """Neither the next flag, a reference, nor a mount or a port."""
    group = "v" if found["v"] is not None else "w"
    value = found[group]
    sound = not value.startswith("-") and not plausible.placeholder(value) and not _PORT_OR_PATH.fullmatch(value)
    return [found.span(group)] if sound else []


def _typed(text: str, found: re.Match[str]) -> bool:
    value = text[found.start("v") : found.end("v")]
    return plausible.listed("password", value) and not plausible.speaks(value)


_FIELD = re.compile(r"assw(?:ord|ort|d)|assphrase")


def _typed_in(text: str, found: re.Match[str]) -> bool:
    """A field or a question before it asks for a password."""
    start = found.start()
    line = max(text.rfind("\n", 0, start) + 1, start - 80)
    asked = max(text.rfind("\n", 0, max(line - 1, 0)) + 1, line - 80)
    if text.startswith("expect", asked) and _FIELD.search(text, asked, line):
        return plausible.quoted("password", text[found.start("v") : found.end("v")])
    return _FIELD.search(text, line, start) is not None and _typed(text, found)


def _echoed(text: str, found: re.Match[str]) -> bool:
    """After a user's name, or what is no word."""
    value = found["v"]
    named = text[found.start("v") - 1] == ":"
    return stated(text, found) and (named or plausible.spaced("password", value))


def _login(text: str, found: re.Match[str]) -> bool:
    """No group beside a user's number."""
    return stated(text, found) and not found["v"].isdigit() and not found["v"].startswith("//")


def _one_of(text: str, found: re.Match[str]) -> list[tuple[int, int]]:
    """The one group that matched."""
    group = found.lastgroup or 0
    start, end = found.span(group)
    return [(start, end)] if not plausible.placeholder(text[start:end]) else []


def _identified(text: str, found: re.Match[str]) -> bool:
    """Where the words before are said of other things, too: in quotation marks, or with a digit."""
    value = text[found.start("v") : found.end("v")]
    quoted = text[found.start("v") - 1] in "\"'"
    return (
        stated(text, found)
        and not plausible.speaks(value.lstrip(":'\""))
        and not value.startswith("`")
        and (quoted or any(map(str.isdigit, value)))
    )


_HOST = re.compile(r"(?:^|(?<=[\s\"']))(?:[\w.*-]{1,100})$")


def _pgpass(text: str, found: re.Match[str]) -> bool:
    """A host stands before, and nothing after."""
    end = found.end()
    ends = end == len(text) or text[end] in "\n\r\"' \\"
    return (
        ends
        and stated(text, found)
        and _HOST.search(text, max(0, found.start() - 100), found.start()) is not None
        and not found["v"].isdigit()
    )


def _machine_made(text: str, found: re.Match[str]) -> bool:
    """Beside ``login`` a word may follow that is none."""
    value = found["v"]
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value)) and not plausible.placeholder(value)


def _called(text: str, found: re.Match[str]) -> bool:
    value = text[found.start("v") : found.end("v")]
    if re.fullmatch(plausible.FOUR_TIMES_FOUR, value):
        return True
    return len(value) >= 4 and " " not in value and plausible.quoted("password", value) and not plausible.speaks(value)


_STRING = r"(?:[a-z]{0,2}[\"'][^\"'\n]{0,200}[\"']|[\w.$>\[\]-]{1,60})"
_LAST = r"\s{0,8}[a-z]{0,2}[\"'](?P<v>[^\"'\n]{3,200})[\"']"


def _sole(text: str, found: re.Match[str]) -> bool:
    """The only argument: a password, or what a function is asked for."""
    value = found["v"]
    return plausible.quoted("password", value) and not plausible.speaks(value) and not value.islower()


def _seed(text: str, found: re.Match[str]) -> bool:
    return any(map(str.isdigit, found["v"])) and any(map(str.isalpha, found["v"]))


RULES = (
    *(_option(*one) for one in OPTIONS),
    after(
        "secret", "password for '|passphrase for key '|passphrase for \"", r"[^'\"\n]{1,120}['\"]:[ \t]{1,2}(?P<v>[^\s]{3,120})", fold=True, check=stated,
        about="what was typed after git's and ssh's questions",
    ),
    after(
        "secret", "--password-command|--password-cmd|--passcommand", r"[ =][\"']?echo [\"']?(?P<v>[^\s\"']{3,120})", exact=True, check=stated, about="`--password-command 'echo x'`",
    ),
    after(
        "secret", "password|:auth|\\.auth|requirepass", r"\(\s{0,4}[\"'](?P<v>[^\s\"'\n]{6,120})[\"']\s{0,4}\)", check=_sole, about="`PASSWORD('x')`, `red:auth(\"x\")`",
    ),
    after(
        "secret", "totp|hotp|otp|authenticator|2fa|mfa|two-factor", r"(?:[^\n:=]{0,20}?(?:seed|secret|key)[^\n]{0,60}?[\s:=\"'`]|[^\n]{0,12}\([\"'])(?P<v>[A-Z0-9]{16,64})(?![A-Za-z0-9])", check=_seed,
        about="seeds of one-time passwords",
    ),
    after(
        "secret", "pulumi config set", r"(?: --?[a-z]{1,12}){0,3} --secret(?: --?[a-z]{1,12}){0,3} [\w:.-]{1,60} [\"']?(?P<v>[^\s\"']{3,200}+)", exact=True,
        check=stated, about="`pulumi config set --secret name x`",
    ),
    after(
        "secret", "requirepass|masterauth|passin pass:|passout pass:|-pass pass:|sshpass -p|passin=pass:",
        r"[\"']?\s{0,2}(?:\d\) )?[\"']?(?P<v>[^\s\"';,)]{3,200}+)", fold=True, check=stated, about="passwords of Redis, openssl, sshpass",
    ),
    after(
        "secret", "identified by|identified with mysql_native_password by|with password|encrypted password|login password",
        r"\s{0,2}(?:values\s)?[\"']?(?P<v>[^\s\"';,)]{3,200}+)", fold=True, check=_identified, about="passwords of SQL users",
    ),
    rule(
        "secret", r"htpasswd -\w{0,3}b\w{0,3} [^\s]{1,80} [^\s]{1,80}[ ][\"']?(?P<v>[^\s\"']{3,120}+)", "htpasswd", check=stated, about="htpasswd -b",
    ),
    rule(
        "secret", r"(?<![\w-])(?:-u|--user|--proxy-user|-U|-a|-A|--auth)[ =]?[\"']?[^\s:\"'/`%,=-][^\s:\"'/`%,=]{0,80}:(?P<v>[^\s\"'`;]{3,200}+)",
        "-u", "--user", "--proxy-user", "-U", "-a ", "-A ", "--auth", where="start", check=_login, about="`curl -u user:password`, `http -a user:password`",
    ),
    after(
        "secret", "lftp|smbclient|rpcclient|net rpc|smbget|curlftpfs|ncftpget",
        r"[^\n|;&]{0,120}? (?:-u|-U|--user) ?=?[\"']?[^\s,%\"']{1,60}[,%](?P<v>[^\s\"'`;,]{3,120}+)", exact=True, check=stated,
        about="`lftp -u user,password`, `smbclient -U user%password`",
    ),
    rule(
        "secret",
        r"echo (?:-n )?[\"']?(?:[a-z_][\w-]{0,31}:)?(?P<v>[^\s\"'|]{3,120})[\"']?\s{0,2}\|\s{0,2}(?:sudo )?(?:chpasswd|passwd --stdin|kinit|docker login|sudo -S|"
        r"gh auth login|podman login|helm registry login|cryptsetup|openconnect|vault login|(?:sudo )?tee [^\n|]{0,60}?(?:pass|secret|token|cred)|gpg [^\n|]{0,80}--passphrase-fd)",
        "chpasswd", "passwd --stdin", "kinit", "docker login", "sudo -S", "gh auth login", "podman login", "registry login", "cryptsetup", "openconnect", "vault login", "tee ", "--passphrase-fd",
        check=_echoed, about="`echo root:x | chpasswd`, `echo x | docker login --password-stdin`",
    ),
    rule(
        "secret", r":(?:\d{4,5}|\*):[\w*-]{1,40}:[\w*-]{1,40}:(?P<v>[^\s:]{3,200})", ":5432:", ":5433:", ":6432:", ":3306:", ":*:", where="start", check=_pgpass, about=".pgpass",
    ),
    after(
        "secret", r"\bnet use|\bnet user|\bcmdkey|\bwpa_passphrase|\bnmcli|\brabbitmqctl|\bacl setuser|\bsqlplus|\brman target|\bexpdp|\bimpdp|\bsqlldr|\bconnect to",
        r"(?:(?<=net use) [^\n]{0,80}?/user:\S{1,60} (?P<a>[^\s/]\S{2,100})|(?<=net use) (?:[a-z]:|\*)? ?\\\\\S{1,80} (?P<b>[^\s/]\S{2,100}) /user:|"
        r"(?<=net user) \S{1,40} (?P<c>[^\s/]\S{2,100})|(?<=wpa_passphrase) (?:\"[^\"\n]{1,40}\"|\S{1,40}) [\"']?(?P<d>[^\s\"']{8,63})|"
        r"(?<=rabbitmqctl) (?:add_user|change_password) \S{1,40} [\"']?(?P<f>[^\s\"']{3,100})|(?<=acl setuser) [^\n]{0,60}? >(?P<g>\S{3,100})|"
        r"(?:(?<=sqlplus)|(?<=rman target)|(?<=expdp)|(?<=impdp)|(?<=sqlldr))(?: -\w{1,8})? [\"']?[a-z]\w{0,30}/[\"']?(?P<h>[^\s@/\"']{3,60})[\"']?(?:@|\s)|"
        r"(?<=connect to) \S{1,30} user \S{1,30} using [\"']?(?P<i>[^\s\"';]{3,60}))",
        fold=True, check=_one_of,
        about="`net use /user:u x`, `rabbitmqctl add_user u x`, `sqlplus u/x@db`, `wpa_passphrase ssid x`",
    ),
    after(
        "secret", r"\bcargo login|\bvault login|\bsnyk auth|\bwandb login|\bngrok authtoken|\binfracost auth|\bcloudflared service install|\bflyctl auth|\bsfdx auth|"
        r"\bpulumi login|\bnetlify login|\bpostman login|\bheroku authorizations|\bop signin|\bsurge login|\bgem signin|\bhf auth login|\bcodecov-cli|\bvercel login|"
        r"\bdeployctl|\bturbo login|\brailway login|\bexpo login|\beas login|\bplanetscale auth|\bfastly profile|\bnpm login|\byarn login|\bdoctl auth init|\blinode-cli",
        r"(?: -[\w-]{1,20}[ =]?(?:method=\w{1,20})?){0,3}[ =][\"']?(?:token=)?(?P<v>[A-Za-z0-9._~+/=-]{16,400}+)(?![A-Za-z0-9])", fold=False, check=_machine_made, about="`cargo login x`, `vault login x`",
    ),
    after(
        "secret", r"ConvertTo-SecureString|secure-string|SecretBox|SecureString",
        r"(?: -String| -AsPlainText| -Force){0,3}[ (]{1,3}[\"'](?P<v>[^\"'\n]{3,200})[\"']", check=stated, about="PowerShell's `ConvertTo-SecureString`",
    ),
    after(
        "secret", r"\.login|\.connect|basic_?auth|HTTPBasicAuth|BasicAuth|NetworkCredential|PasswordAuthentication|UsernamePassword|PlainAuth|Credentials\.basic|"
        r"setCredentials|addCredentials|withCredentials|\.authenticate|\bauth=|\bauth\s?:|PasswordCredential|ftp_login|ssh2_auth_password|imap_open|signIn",
        rf"\w{{0,24}}+\s{{0,2}}[(\[]{{1,2}}\s{{0,8}}(?:[\"']{{2}}, ?)?[a-z]{{0,2}}[\"'][^\"'\s]{{1,80}}[\"'],(?: Some\()?{_LAST}(?=\s{{0,8}}[,)\].])", check=_called,
        about="`login(\"user\", \"x\")`, `auth=(\"user\", \"x\")`, `NetworkCredential(\"user\", \"x\")`",
    ),
    after(
        "secret", r"new PDO|mysqli|mysql_connect|mysql_pconnect|getConnection|pg_pconnect|oci_connect|sqlsrv_connect|odbc_connect|createConnection|DBI->connect|Mysql2|DriverManager",
        rf"\w{{0,20}}\s?\(\s{{0,8}}{_STRING}\s?,\s{{0,8}}{_STRING}\s?,{_LAST}", check=_called,
        about="`new PDO(dsn, user, \"x\")`, `mysqli_connect(host, user, \"x\")`, `getConnection(url, user, \"x\")`",
    ),
    after(
        "secret", "xfreerdp|wfreerdp|signtool sign|msdeploy|net use|cmdkey|sqlpackage",
        r"[^\n|;&]{0,90}? /p(?:ass(?:word)?)?[: ](?P<v>[^\s\"'/][^\s\"']{2,100})", fold=True, check=stated, about="`xfreerdp /p:x`, `signtool /p x`",
    ),
    after(
        "secret", "secret set|secrets set|secret create|secrets put|secret put|secret add|secrets add",
        r" [\w./-]{1,60} (?:--body|-b|--value|--secret-string|--data|-v)[ =][\"']?(?P<v>[^\s\"']{4,400}+)", fold=True, check=stated,
        about="`gh secret set X --body x`",
    ),
    after(
        "secret", r"send|\.type\(|\.fill\(|\.setvalue\(|\.keyboard_type\(",
        r"(?:line|_keys|keys)?\s?\(?\s?[\"'](?P<v>[^\"'\n\\]{4,100}+)(?:\\[rn])?[\"']", fold=True, check=_typed_in,
        about="`find(\"password\").send_keys(\"x\")`, expect's `send \"x\\r\"`",
    ),
    after(
        "secret", r"jwt\.sign|jwt\.encode|jwt\.verify|jwt\.decode|createhmac|hmac\.new|fernet|signedserializer|timestampsigner|createcipheriv",
        r"\(\s{0,8}(?:[^,()\"'\n]{1,60},\s{0,4}|[\"'](?:sha|aes)[\w-]{1,16}[\"'],\s{0,4})?b?[\"'](?P<v>[^\"'\n]{6,400}+)[\"']", fold=True, check=_typed,
        about="keys in a call: `jwt.sign(payload, \"x\")`, `hmac.new(b\"x\", ...)`",
    ),
    after(
        "secret", r"password 7|password 5|password 0|secret 5|secret 8|secret 9|key 7|snmp-server community|sp_addlogin|sp_password|jdbc:oracle:thin:",
        r"(?:(?<=thin:)\w{1,30}/(?P<a>[^\s@/\"']{3,60})@|(?<=community) (?P<b>(?!public|private)\S{4,60})|(?<=login) n?'[^'\n]{1,60}',\s?n?'(?P<c>[^'\n]{3,100})'|"
        r"(?<=[ ][5-90]) (?P<d>[^\s\"']{4,100}))", fold=True, check=_one_of, about="secrets of routers, of Oracle's URLs and SQL Server's logins",
    ),
    rule(
        "secret", r"(?<![\w:/@-])[\w.-]{1,40}:(?P<v>[^\s\"'@:/]{3,100})@(?:tcp|unix|udp)\(", "@tcp(", "@unix(", "@udp(", where="around", reach=(150, 10), check=stated,
        about="Go's `user:x@tcp(host)/db`",
    ),
)  # fmt: skip
