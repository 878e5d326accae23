"""Words that stand after a secret's name and are none: types, states, what labels say, parts of a sentence; and words that
stand where a name may and are nobody's.

Invariant: all in lower case.
"""

from __future__ import annotations

# What code and texts say of a secret
WORDS = frozenset([
    "a", "admin_password", "an", "and", "any", "apikey", "are", "argon2", "array", "async", "authentication", "authorization", "auto", "await",
    "b64dec", "b64enc", "base64", "basic", "bcrypt", "bearer", "binary", "blank", "body", "bool", "boolean", "bytearray", "bytes", "can", "cannot",
    "change", "changed", "char", "colon", "comma", "comment", "config", "confirm", "confirmation", "const", "cookie", "credential", "credentials",
    "current", "date", "datetime", "default", "dict", "digest", "disabled", "email", "empty", "enabled", "encrypted", "enter", "env", "environment",
    "eof", "erforderlich", "expired", "false", "field", "file", "filtered", "final", "float", "for", "forgot", "form", "from", "function", "geheim",
    "generate", "generated", "has", "hash", "hashed", "header", "headers", "here", "hidden", "hmac", "identifier", "in", "incorrect", "input", "int",
    "integer", "interactive", "invalid", "is", "jwt", "key", "keys", "keyword", "label", "list", "literal", "login", "map", "masked", "masterauth",
    "may", "md5", "missing", "must", "n/a", "na", "name", "new", "newline", "nil", "no", "none", "not", "null", "number", "oauth", "oauth2", "object",
    "obligatoire", "obligatorio", "of", "off", "oidc", "old", "omitted", "on", "operator", "optional", "or", "output", "param", "params", "pass",
    "passcode", "passphrase", "passwd", "password", "plain", "plaintext", "private", "prompt", "public", "punctuation", "pwd", "query", "quote",
    "random", "raw", "readonly", "redacted", "removed", "requerido", "request", "required", "requirepass", "reset", "response", "return", "richiesto",
    "same", "saml", "scrypt", "secret", "secreto", "secrets", "secretstr", "securestring", "self", "self.password", "session", "settings", "sha1",
    "sha256", "sha512", "should", "squote", "static", "stdin", "str", "string", "tbd", "text", "the", "there", "this", "to", "todo", "token",
    "tokens", "true", "type", "undefined", "unknown", "unset", "update", "user", "username", "utf-8", "utf8", "uuid", "valid", "validators", "value",
    "varchar", "vault", "verplicht", "visible", "was", "whitespace", "will", "with", "wrong", "yes",
])  # fmt: skip
# What a label says in other languages
LABELS = frozenset([
    "adgangskode", "chave", "chiave", "clave", "clé", "contrasena", "contraseña", "geslo", "haslo", "hasło", "heslo", "jelszó", "jeton", "kennwort",
    "klucz", "lozinka", "lykilorð", "lösenord", "motdepasse", "nyckel", "parola", "parole", "parool", "passord", "passwort", "salasana", "schluessel",
    "schlüssel", "senha", "sifre", "slaptažodis", "sleutel", "token", "wachtwoord", "şifre", "ключ", "пароль", "токен", "パスワード", "口令", "密码", "密碼",
    "비밀번호", "암호",
])  # fmt: skip
# What follows a flag that a sentence speaks of
PROSE = frozenset([
    "a", "after", "also", "an", "and", "are", "argument", "as", "at", "because", "before", "but", "by", "can", "flag", "for", "from", "if", "in",
    "instead", "into", "is", "it", "may", "must", "not", "on", "only", "option", "or", "parameter", "set", "should", "since", "so", "than", "that",
    "the", "then", "this", "to", "using", "via", "was", "when", "which", "while", "will", "with", "without",
])  # fmt: skip
# The endings of files
FILES = frozenset([
    "cfg", "conf", "crt", "enc", "env", "go", "html", "ini", "java", "js", "json", "key", "md", "pem", "php", "py", "rb", "rs", "sh", "toml", "ts",
    "tsx", "txt", "yaml", "yml",
])  # fmt: skip
# Words for anybody, things and products that stand where a name may
NOBODY = frozenset([
    "admin", "administrator", "ai", "all", "amazon", "analyst", "anonymous", "anthropic", "apple", "architect", "assistant", "bot", "chatgpt", "city",
    "class", "claude", "colleague", "colleagues", "column", "committee", "company", "consultant", "copilot", "country", "customer", "damen", "das",
    "default", "department", "der", "designer", "developer", "die", "director", "django", "docker", "dr", "engineer", "everybody", "everyone",
    "false", "field", "file", "folks", "fondation", "fondazione", "friend", "friends", "function", "fundación", "github", "gitlab", "google", "gpt",
    "group", "guest", "here", "herren", "hiring", "how", "id", "it", "java", "john.", "just", "linux", "madam", "manager", "method", "microsoft",
    "mr", "mrs", "ms", "name", "none", "not", "null", "openai", "optional", "owner", "platform", "please", "product", "production", "project",
    "python", "react", "reader", "recruiter", "required", "root", "sir", "sirs", "software", "staging", "stichting", "street", "string", "support",
    "system", "table", "team", "test", "thank", "thanks", "that", "the", "there", "this", "true", "type", "ubuntu", "unknown", "user", "users",
    "value", "variable", "very", "vue", "what", "why", "windows", "world",
])  # fmt: skip
# The last words of companies' and departments' names
COMPANY = frozenset([
    "ab", "ag", "agency", "api", "aps", "as", "association", "authors", "bank", "bv", "church", "clinic", "cloud", "club", "co", "college",
    "committee", "community", "company", "consulting", "contributors", "corp", "corporation", "council", "department", "developers", "digital",
    "energy", "engineering", "foods", "foundation", "framework", "global", "gmbh", "group", "hausverwaltung", "health", "holding", "holdings",
    "hospital", "hotel", "inc", "industries", "institute", "insurance", "international", "kg", "labs", "library", "limited", "llc", "llp",
    "logistics", "ltd", "maintainers", "media", "ministry", "nv", "office", "ohg", "operations", "oy", "partner", "partners", "platform", "plc",
    "project", "restaurant", "road", "sa", "sales", "sarl", "sas", "school", "sdk", "se", "server", "services", "shop", "society", "software",
    "solutions", "spa", "srl", "stiftung", "store", "street", "studio", "studios", "support", "systems", "team", "tech", "technologies", "technology",
    "trust", "ug", "union", "university", "verein", "versicherung", "verwaltung",
])  # fmt: skip
