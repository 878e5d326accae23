"""Keys that tell by their shape who gave them out.

Invariants: where a key has a fixed start its pattern begins with it, so that the search is one for text, and whether
it stands inside a longer word is asked after; lengths are those the providers use, with room to spare.
"""

from __future__ import annotations

import base64
import re

from audit import validators
from audit.rules import plausible
from audit.rules.base import Place, Rule, Where, rule

# kind, how it starts, what follows, needles, of whom
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
KEYS: tuple[tuple[str, str, str, tuple[str, ...], str], ...] = (
    ("anthropic_key", "sk-ant-", r"[A-Za-z0-9_-]{8,250}+", ("sk-ant-",), "Anthropic"),
    ("openrouter_key", "sk-or-", r"(?:v1-)?[A-Za-z0-9_-]{16,200}+", ("sk-or-",), "OpenRouter"),
    ("openai_key", "sk-", r"(?:(?:proj|svcacct|admin|None|service)-[A-Za-z0-9_-]{12,300}+|[A-Za-z0-9_]{16,200}+)(?![A-Za-z0-9-])",
     ("sk-",), "OpenAI and those who copied its form (DeepSeek, LiteLLM)"),
    ("openai_key", "sess-", r"[A-Za-z0-9]{32,64}+", ("sess-",), "OpenAI's sessions"),
    ("bridge_key", "brk_", r"[A-Za-z0-9_-]{8,200}+", ("brk_",), "this bridge"),
    ("aws_key", "A(?:KIA|SIA|ROA|IDA|BIA|CCA)", r"[A-Z0-9]{16}+", ("AKIA", "ASIA", "AROA", "AIDA", "ABIA", "ACCA"), "AWS, key ids"),
    ("google_key", "AIza", r"[A-Za-z0-9_-]{30,40}+", ("AIza",), "Google"),
    ("google_key", r"ya29\.", r"[A-Za-z0-9_.-]{16,600}+", ("ya29.",), "Google's OAuth"),
    ("google_key", "GOCSPX-", r"[A-Za-z0-9_-]{20,40}+", ("GOCSPX-",), "Google's OAuth clients"),
    ("google_key", "1//0", r"[A-Za-z0-9_-]{30,200}+", ("1//0",), "Google's refresh tokens"),
    ("github_key", "gh[pousr]_", r"[A-Za-z0-9]{30,255}+", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), "GitHub"),
    ("github_key", "github_pat_", r"[A-Za-z0-9_]{22,255}+", ("github_pat_",), "GitHub, fine-grained"),
    ("gitlab_key", "gl(?:pat|ptt|dt|cbt|rt|soat|oas|ffct|imt|agent)-", r"[A-Za-z0-9_.-]{18,200}+",
     ("glpat-", "glptt-", "gldt-", "glcbt-", "glrt-", "glsoat-", "gloas-", "glffct-", "glimt-", "glagent-"), "GitLab"),
    ("gitlab_key", "GR1348941", r"[A-Za-z0-9_-]{20}", ("GR1348941",), "GitLab's runners"),
    ("slack_key", "xox[abeoprs]-", r"[A-Za-z0-9-]{10,250}+", ("xox",), "Slack"),
    ("slack_key", "xapp-", r"\d-[A-Za-z0-9-]{20,200}+", ("xapp-",), "Slack's apps"),
    ("stripe_key", "[sr]k_(?:live|test)_", r"[A-Za-z0-9]{10,250}+", ("k_live_", "k_test_"), "Stripe"),
    ("stripe_key", "whsec_", r"[A-Za-z0-9+/=]{16,100}+", ("whsec_",), "Stripe's webhooks"),
    ("twilio_key", "SK", r"[0-9a-f]{32}+", ("SK",), "Twilio, keys"),
    ("twilio_key", "AC", r"[0-9a-f]{32}+", ("AC",), "Twilio, accounts"),
    ("sendgrid_key", r"SG\.", r"[A-Za-z0-9_-]{16,32}+\.[A-Za-z0-9_-]{16,64}+", ("SG.",), "SendGrid"),
    ("npm_key", "npm_", r"[A-Za-z0-9]{30,60}+", ("npm_",), "npm"),
    ("pypi_key", "pypi-", r"[A-Za-z0-9_-]{32,400}+", ("pypi-",), "PyPI"),
    ("huggingface_key", "hf_", r"[A-Za-z0-9]{28,60}+", ("hf_",), "Hugging Face"),
    ("huggingface_key", "api_org_", r"[A-Za-z0-9]{28,60}+", ("api_org_",), "Hugging Face, organisations"),
    ("digitalocean_key", "do[opr]_v1_", r"[0-9a-f]{40,80}+", ("_v1_",), "DigitalOcean"),
    ("databricks_key", "dapi", r"[0-9a-f]{32}+(?:-\d)?", ("dapi",), "Databricks"),
    ("mailgun_key", "key-", r"[0-9a-f]{32}+", ("key-",), "Mailgun"),
    ("mailchimp_key", "", r"(?<![0-9a-zA-Z])[0-9a-f]{32}-us\d{1,2}", ("-us",), "Mailchimp"),
    ("groq_key", "gsk_", r"[A-Za-z0-9]{20,100}+", ("gsk_",), "Groq"),
    ("xai_key", "xai-", r"[A-Za-z0-9]{20,120}+", ("xai-",), "xAI"),
    ("replicate_key", "r8_", r"[A-Za-z0-9]{20,60}+", ("r8_",), "Replicate"),
    ("perplexity_key", "pplx-", r"[A-Za-z0-9]{20,80}+", ("pplx-",), "Perplexity"),
    ("fireworks_key", "fw_", r"[A-Za-z0-9]{20,40}+", ("fw_",), "Fireworks"),
    ("nvidia_key", "nvapi-", r"[A-Za-z0-9_-]{20,100}+", ("nvapi-",), "NVIDIA"),
    ("langsmith_key", "lsv2_(?:pt|sk)_", r"[A-Za-z0-9_]{20,80}+", ("lsv2_",), "LangSmith"),
    ("tavily_key", "tvly-", r"[A-Za-z0-9-]{16,60}+", ("tvly-",), "Tavily"),
    ("pinecone_key", "pcsk_", r"[A-Za-z0-9_]{20,100}+", ("pcsk_",), "Pinecone"),
    ("linear_key", "lin_(?:api|oauth)_", r"[A-Za-z0-9]{20,80}+", ("lin_",), "Linear"),
    ("notion_key", "ntn_", r"[A-Za-z0-9]{20,80}+", ("ntn_",), "Notion"),
    ("notion_key", "secret_", r"[A-Za-z0-9]{30,60}+", ("secret_",), "Notion, older"),
    ("vault_key", r"hv[sbr]\.", r"[A-Za-z0-9_-]{16,200}+", ("hvs.", "hvb.", "hvr."), "HashiCorp Vault"),
    ("terraform_key", "", r"(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{50,80}+", (".atlasv1.",), "Terraform Cloud"),
    ("doppler_key", r"dp\.", r"(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{32,60}+", ("dp.",), "Doppler"),
    ("age_key", "AGE-SECRET-KEY-1", r"[0-9A-Z]{30,70}+", ("AGE-SECRET-KEY-1",), "age"),
    ("shopify_key", "shp(?:at|ca|pa|ss)_", r"[A-Fa-f0-9]{32}+", ("shpat_", "shpca_", "shppa_", "shpss_"), "Shopify"),
    ("square_key", "EAAA", r"[A-Za-z0-9_-]{60}", ("EAAA",), "Square"),
    ("square_key", "sq0(?:atp|csp|idp)-", r"[A-Za-z0-9_-]{22,60}+", ("sq0",), "Square, OAuth"),
    ("facebook_key", "EAA", r"[A-Za-z0-9]{80,250}+", ("EAA",), "Facebook"),
    ("atlassian_key", "AT(?:ATT|CTT)3", r"[A-Za-z0-9_=-]{40,300}+", ("ATATT3", "ATCTT3"), "Atlassian"),
    ("figma_key", "fig[dour]_", r"[A-Za-z0-9_-]{20,80}+", ("fig",), "Figma"),
    ("postman_key", "PMAK-", r"[A-Za-z0-9]{24}-[A-Za-z0-9]{34}", ("PMAK-",), "Postman"),
    ("newrelic_key", "NR(?:AK|JS|II|RA)-", r"[A-Za-z0-9]{16,40}+", ("NRAK-", "NRJS-", "NRII-", "NRRA-"), "New Relic"),
    ("grafana_key", "gl(?:c|sa)_", r"[A-Za-z0-9_+/=]{24,250}+", ("glc_", "glsa_"), "Grafana"),
    ("sentry_key", "sntr[yu]s?_", r"[A-Za-z0-9_+/=]{30,400}+", ("sntry", "sntru"), "Sentry"),
    ("docker_key", "dckr_(?:pat|oat)_", r"[A-Za-z0-9_-]{20,60}+", ("dckr_",), "Docker Hub"),
    ("planetscale_key", "pscale_(?:tkn|pw|oauth)_", r"[A-Za-z0-9_.=-]{20,100}+", ("pscale_",), "PlanetScale"),
    ("supabase_key", "sb(?:p|_secret|_publishable)_", r"[A-Za-z0-9_-]{20,80}+", ("sbp_", "sb_"), "Supabase"),
    ("clerk_key", "ck_(?:live|test)_", r"[A-Za-z0-9]{16,100}+", ("ck_",), "Clerk"),
    ("asana_key", "", r"(?<![\w/])[12]/\d{10,18}(?:/\d{10,18})?:[0-9a-f]{32}", ("1/", "2/"), "Asana"),
    ("salesforce_key", "00D", r"[A-Za-z0-9]{9,15}![A-Za-z0-9._]{40,180}+", ("00D",), "Salesforce (sessions)"),
    ("fly_key", "FlyV1 ", r"fm\d_[A-Za-z0-9+/=_,-]{20,1000}+", ("FlyV1",), "Fly.io"),
    ("pulumi_key", "pul-", r"[0-9a-f]{40}+", ("pul-",), "Pulumi"),
    ("tailscale_key", "tskey-", r"(?:auth|api|client|scim|webhook)-[A-Za-z0-9-]{10,100}+", ("tskey-",), "Tailscale"),
    ("resend_key", "re_", r"[A-Za-z0-9]{8}_[A-Za-z0-9]{20,40}+", ("re_",), "Resend"),
    ("brevo_key", "xkeysib-", r"[0-9a-f]{64}-[A-Za-z0-9]{16}", ("xkeysib-",), "Brevo"),
    ("airtable_key", "pat", r"[A-Za-z0-9]{14}\.[0-9a-f]{64}", ("pat",), "Airtable"),
    ("azure_key", "", r"(?<![A-Za-z0-9])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{30,40}+", ("Q~",), "Azure, client secrets"),
    ("azure_key", "", r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{76}(?:\+ASt|AzCa|ACDb|AIoT)[A-Za-z0-9+/]{4,8}={0,2}",
     ("+ASt", "AzCa", "ACDb", "AIoT"), "Azure, storage and others by their mark"),
    ("azure_key", "", r"(?<![A-Za-z0-9+/])[A-Za-z0-9]{52}(?:JQQJ99|AZDO)[A-Za-z0-9]{10,26}", ("JQQJ99", "AZDO"), "Azure, newer"),
    ("discord_key", "[MNO](?<![A-Za-z0-9_-].)", r"[A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}+", (".",),
     "Discord bots"),
    ("alibaba_key", "LTAI", "[A-Za-z0-9]{12,24}+", ("LTAI",), "Alibaba Cloud, key ids"),
    ("tencent_key", "AKID", "[A-Za-z0-9]{28,36}+", ("AKID",), "Tencent Cloud, key ids"),
    ("scaleway_key", "SCW", "[A-Z0-9]{17}+", ("SCW",), "Scaleway, key ids"),
    ("netlify_key", "nf[bcopu]_", "[A-Za-z0-9]{36,44}+", ("nf",), "Netlify"),
    ("vercel_key", "vc[aikpr]_", "[A-Za-z0-9]{40,64}+", ("vc",), "Vercel"),
    ("heroku_key", "HRKU-", "[A-Za-z0-9_-]{30,70}+", ("HRKU-",), "Heroku"),
    ("render_key", "rnd_", "[A-Za-z0-9]{26,40}+", ("rnd_",), "Render"),
    ("neon_key", "n(?:api|pg)_", "[A-Za-z0-9]{12,80}+", ("napi_", "npg_"), "Neon"),
    ("cerebras_key", "csk-", "[a-z0-9]{40,60}+", ("csk-",), "Cerebras"),
    ("together_key", "tgp_v1_", "[A-Za-z0-9_-]{36,60}+", ("tgp_v1_",), "Together"),
    ("elevenlabs_key", "sk_", "[0-9a-f]{40,60}+", ("sk_",), "ElevenLabs"),
    ("langfuse_key", "[sp]k-lf-", _UUID, ("-lf-",), "Langfuse"),
    ("jina_key", "jina_", "[A-Za-z0-9_-]{40,80}+", ("jina_",), "Jina"),
    ("voyage_key", "pa-", "[A-Za-z0-9_-]{40,60}+", ("pa-",), "Voyage"),
    ("firecrawl_key", "fc-", "[0-9a-f]{32}+", ("fc-",), "Firecrawl"),
    ("apify_key", "apify_api_", "[A-Za-z0-9]{30,50}+", ("apify_api_",), "Apify"),
    ("e2b_key", "e2b_", "[0-9a-f]{40}+", ("e2b_",), "E2B"),
    ("wandb_key", "wandb_v1_", "[A-Za-z0-9_]{30,100}+", ("wandb_v1_",), "Weights & Biases"),
    ("deepl_key", "", rf"(?<![0-9A-Za-z-]){_UUID}:fx", (":fx",), "DeepL"),
    ("circleci_key", "CCI(?:PAT|PRJ)_", "[A-Za-z0-9]{16,30}_[0-9a-f]{40}", ("CCIPAT_", "CCIPRJ_"), "CircleCI"),
    ("buildkite_key", "bk(?:ua|aj|at|oa|pt)_", "[0-9a-f]{40}+", ("bk",), "Buildkite"),
    ("sonar_key", "sq[apu]_", "[0-9a-f]{40}+", ("sq",), "SonarQube"),
    ("rubygems_key", "rubygems_", "[0-9a-f]{48}+", ("rubygems_",), "RubyGems"),
    ("crates_key", "cio", "[A-Za-z0-9]{32}+", ("cio",), "crates.io"),
    ("nuget_key", "oy2", "[a-z0-9]{43}+", ("oy2",), "NuGet"),
    ("jfrog_key", "(?:AKCp|cmVmdGtuO)", "[A-Za-z0-9]{50,90}+", ("AKCp", "cmVmdGtuO"), "JFrog"),
    ("razorpay_key", "rzp_(?:live|test)_", "[A-Za-z0-9]{12,30}+", ("rzp_",), "Razorpay"),
    ("flutterwave_key", "FLW(?:PUB|SEC)K(?:_TEST)?-", "[0-9A-Za-z-]{16,60}+", ("FLWPUBK", "FLWSECK"), "Flutterwave"),
    ("mollie_key", "live_", "[A-Za-z0-9]{30}+", ("live_",), "Mollie"),
    ("plaid_key", "access-(?:sandbox|development|production)-", _UUID, ("access-",), "Plaid"),
    ("paypal_key", "A21AA", "[A-Za-z0-9_-]{60,120}+", ("A21AA",), "PayPal"),
    ("paddle_key", "pdl_(?:live|sdbx)_apikey_", "[A-Za-z0-9_]{30,100}+", ("pdl_",), "Paddle"),
    ("mapbox_key", r"[st]k\.eyJ", r"[A-Za-z0-9_-]{20,300}+\.[A-Za-z0-9_-]{18,40}+", ("k.eyJ",), "Mapbox"),
    ("contentful_key", "CFPAT-", "[A-Za-z0-9_-]{38,60}+", ("CFPAT-",), "Contentful"),
    ("honeycomb_key", "hc[abcdx](?:ik|lk|mk)_", "[a-z0-9]{26,64}+", ("hc",), "Honeycomb"),
    ("launchdarkly_key", "(?:sdk|mob|api)-", _UUID, ("sdk-", "mob-", "api-"), "LaunchDarkly"),
    ("dynatrace_key", r"dt0[a-z]\d{2}\.", r"[A-Z0-9]{24}\.[A-Z0-9]{64}", ("dt0",), "Dynatrace"),
    ("datadog_key", "ddapp_", "[A-Za-z0-9]{30,50}+", ("ddapp_",), "Datadog, newer"),
    ("typeform_key", "tfp_", "[A-Za-z0-9_.=-]{40,70}+", ("tfp_",), "Typeform"),
    ("hubspot_key", r"pat-(?:na|eu|ap)\d-", _UUID, ("pat-",), "HubSpot"),
    ("trello_key", "ATTA", "[0-9a-f]{60,72}+", ("ATTA",), "Trello"),
    ("bitbucket_key", "ATBB", "[A-Za-z0-9]{28,40}+", ("ATBB",), "Bitbucket"),
    ("onepassword_key", "ops_eyJ", "[A-Za-z0-9_=-]{100,1200}+", ("ops_eyJ",), "1Password's service accounts"),
    ("dropbox_key", r"sl\.(?:u\.)?", "[A-Za-z0-9_-]{100,1500}+", ("sl.",), "Dropbox"),
    ("twitch_key", "oauth:", "[a-z0-9]{30}+", ("oauth:",), "Twitch"),
    ("cloudflare_key", r"v1\.0-", "[0-9a-f]{24}-[0-9a-f]{100,200}+", ("v1.0-",), "Cloudflare, origin"),
    ("yandex_key", "(?:AQVN|y[0-3]_Ag)", "[A-Za-z0-9_-]{34,70}+", ("AQVN", "y0_Ag", "y1_Ag", "y2_Ag", "y3_Ag"), "Yandex"),
    ("vk_key", r"vk1\.a\.", "[A-Za-z0-9_-]{40,300}+", ("vk1.a.",), "VK"),
    ("mailersend_key", r"mlsn\.", "[0-9a-f]{60,70}+", ("mlsn.",), "MailerSend"),
    ("easypost_key", "EZ[AT]K", "[A-Za-z0-9]{54}+", ("EZAK", "EZTK"), "EasyPost"),
    ("duffel_key", "duffel_(?:live|test)_", "[A-Za-z0-9_-]{30,60}+", ("duffel_",), "Duffel"),
    ("prefect_key", "pn[ub]_", "[A-Za-z0-9]{36}+", ("pnu_", "pnb_"), "Prefect"),
    ("readme_key", "rdme_", "[a-z0-9]{60,80}+", ("rdme_",), "ReadMe"),
    ("firebase_key", "AAAA", "[A-Za-z0-9_-]{7}:[A-Za-z0-9_-]{130,160}+", ("AAAA",), "Firebase messaging"),
)  # fmt: skip


def _starts(text: str, found: re.Match[str]) -> bool | list[Place]:
    """The key does not stand inside a longer word, and is none that stands for one; the end of a sentence is not its own.
    (Asked here: a look back before a literal would slow its search.)"""
    at = found.start()
    if (
        at and text[at - 1].isascii() and text[at - 1].isalnum() and not _ESCAPED.match(text, at - 2)
    ) or plausible.filled(found[0]):
        return False
    return [(at, found.end() - 1)] if found[0].endswith(".") else True


# The end of a line or a tab in a string of JSON: its letter is no part of the word that follows
_ESCAPED = re.compile(r"\\[nrt]")


def _openai(text: str, found: re.Match[str]) -> bool | list[Place]:
    """Not ``task-...`` or a CSS class ``sk-folding-cube``: the tail has a digit or is long and mixed."""
    tail = found[0][3:]
    return len(set(tail)) > 5 and any(char.isdigit() for char in tail) and _starts(text, found)


def _private_key(text: str, found: re.Match[str]) -> list[Place]:
    """To its END, or where there is none as far as it looks like one."""
    at = found.end()
    begin = text.find("-----BEGIN", at, at + 12_000)
    end = text.find("-----END", at, begin if begin >= 0 else at + 12_000)
    if end < 0:
        body = _BODY.match(text, at)
        told = (body[0] if body else "").rstrip(" \t\r\n\"',>#|+\\")
        # A marker alone is the code's that looks for it
        return [(found.start(), at + len(told))] if _ENOUGH.search(told) else []
    if not _ENOUGH.search(text, at, end):
        return []
    close = text.find("-----", end + 8, end + 80)
    return [(found.start(), close + 5 if close > 0 else end + 8)]


_ENOUGH = re.compile(r"[A-Za-z0-9+/=]{16}")
_BODY = re.compile(
    r"(?:[A-Za-z0-9+/=]|\\{1,2}[nr]|[\s\"',+#>|]|Proc-Type: 4,ENCRYPTED|DEK-Info: [A-Z0-9,-]{1,80}){0,8000}+"
)


def _filled_in(text: str, found: re.Match[str]) -> bool:
    return not plausible.filled(found["v"] if "v" in found.re.groupindex else found[0])


_BOT = re.compile(r"(?:(?<=/bot)|(?<![0-9A-Za-z]))\d{7,10}$")


def _bot(text: str, found: re.Match[str]) -> list[Place]:
    """The pattern begins with the colon, which is faster to find than digits."""
    first = _BOT.search(text, max(0, found.start() - 16), found.start())
    return [(first.start(), found.end())] if first and not plausible.filled(found[0]) else []


_HEX = re.compile(r"(?<![0-9A-Za-z-])[0-9a-f]{32}$")


def _three_parts(text: str, found: re.Match[str]) -> list[Place]:
    """The pattern begins with the first hyphen, which is faster to find than hexadecimal digits."""
    first = _HEX.search(text, max(0, found.start() - 33), found.start())
    return [(first.start(), found.end())] if first else []


_LINES = re.compile(
    r"[A-Za-z0-9+/]{1,1000}(?:\s{1,20}[A-Za-z0-9+/]{40,1000}){0,200}(?:\s{1,20}[A-Za-z0-9+/]{1,400}={1,2})?={0,2}"
)


def _encoded_key(text: str, found: re.Match[str]) -> list[Place]:
    """Its first line says whose key it is; a line of words after it is none of its own."""
    own = _LINES.match(found[0])
    try:
        head = base64.b64decode("".join(found[0][:80].split())[:44])
    except ValueError:
        return []
    return [(found.start(), found.start() + own.end())] if own and b"PRIVATE KEY" in head else []


def _machine(text: str, found: re.Match[str]) -> bool:
    """No member of a module: digits, and letters of both cases."""
    value = found[0]
    return sum(map(str.isdigit, value)) > 1 and any(map(str.isupper, value)) and any(map(str.islower, value[2:]))


def _jwt(text: str, found: re.Match[str]) -> bool:
    return validators.jwt(found[0])


def _key(kind: str, start: str, rest: str, needles: tuple[str, ...], whose: str) -> Rule:
    check = _openai if kind == "openai_key" and start == "sk-" else _starts
    ends = r"(?![A-Za-z0-9])" if rest.endswith("+") else ""
    where: Where = "around" if not start else "start" if start.isidentifier() else "all"
    return rule(
        kind, (f"(?:{start})" if "|" in start else start) + rest + ends, *needles, about=f"keys of {whose}", check=check, where=where,
        reach=(90, 120),
    )  # fmt: skip


RULES = (
    rule(
        "private_key", r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----", "PRIVATE KEY",
        about="PEM and PGP private keys, also without their end", check=_private_key,
    ),
    rule(
        "private_key", r"PuTTY-User-Key-File-\d:[^\n]{1,80}\n(?:[^\n]{1,200}\n){0,80}?Private-Lines: \d{1,3}\n(?:[A-Za-z0-9+/=]{1,80}\n?){1,60}",
        "PuTTY-User-Key-File", about="PuTTY's private keys",
    ),
    rule(
        "jwt", r"eyJ(?<![A-Za-z0-9_-]eyJ)[A-Za-z0-9_-]{8,4000}+\.[A-Za-z0-9_-]{2,8000}+(?:\.[A-Za-z0-9_-]{0,4000}+){0,3}", "eyJ",
        about="JSON Web Tokens whose header decodes", check=_jwt,
    ),
    rule(
        "webhook_url",
        r"(?:hooks\.slack(?:-gov)?\.com/(?:services/\w{6,20}/\w{6,20}|workflows/\w{6,20}/\w{6,20}/\d{6,24}|triggers/\w{6,20}/\d{6,24})/|"
        r"discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/\d{15,21}/|"
        r"\.webhook\.office\.com/webhookb2/[A-Za-z0-9@-]{20,120}/IncomingWebhook/|outlook\.office\.com/webhook/[A-Za-z0-9@-]{20,120}/IncomingWebhook/|"
        r"hooks\.zapier\.com/hooks/catch/\d{1,12}/|hook\.(?:\w{2,4}\.)?(?:make|integromat)\.com/|maker\.ifttt\.com/(?:trigger/\w{1,60}/(?:json/)?with/key|use)/|"
        r"mattermost\.[\w.-]{1,60}/hooks/|chat\.[\w.-]{1,60}/hooks/(?:\w{1,30}/)?|open\.feishu\.cn/open-apis/bot/v2/hook/|open\.larksuite\.com/open-apis/bot/v2/hook/|ntfy\.sh/up|"
        r"qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=|oapi\.dingtalk\.com/robot/send\?access_token=|events\.pagerduty\.com/integration/|api\.opsgenie\.com/v1/json/\w{1,20}\?apikey=|"
        r"hc-ping\.com/|chat\.googleapis\.com/v1/spaces/[A-Za-z0-9_-]{1,40}/messages\?key=)(?P<v>[A-Za-z0-9_%/=&-]{6,300})",
        "hooks.slack", "/webhooks/", "webhook.office.com", "office.com/webhook/", "hooks.zapier.com", "hook.", "maker.ifttt.com", "/hooks/", "/hook/", "ntfy.sh", "weixin", "dingtalk",
        "pagerduty", "opsgenie", "hc-ping", "chat.googleapis.com", check=_filled_in, where="around", reach=(90, 500),
        about="the secret part of webhooks of Slack, Discord, Teams, Zapier, Google Chat and others",
    ),
    rule(
        "vault_key", r"s\.(?<![\w.]s\.)[A-Za-z0-9]{24}(?![\w.])", "s.", where="start", check=_machine, about="older tokens of HashiCorp Vault",
    ),
    rule(
        "twitter_key", r"A{18,24}[A-Za-z0-9%]{40,140}+(?![A-Za-z0-9])", "AAAAAAAAAAAAAAAAAA", where="start", about="bearer tokens of Twitter",
        check=lambda text, found: any(map(str.isdigit, found[0])),
    ),
    rule(
        "telegram_key", r":(?<=\d{7}:)[A-Za-z0-9_-]{34,36}(?![A-Za-z0-9_-])", ":", check=_bot, about="keys of Telegram bots, also in URLs",
    ),
    rule(
        "mailgun_key", r"-[0-9a-f]{8}-[0-9a-f]{8}(?![0-9A-Za-z-])", "-", check=_three_parts, about="keys of Mailgun, three parts",
    ),
    rule(
        "private_key", r"Wallet\(\s{0,8}[\"'](?P<v>(?:0x)?[0-9a-fA-F]{64})[\"']", "Wallet(", where="start", about="private keys of wallets in code",
    ),
    rule(
        "azure_key", r"GetBytes\(\"[^\"\n:]{0,60}:(?P<v>[A-Za-z0-9]{52,84})\"", "GetBytes(", where="start", about="access tokens of Azure DevOps in PowerShell",
    ),
    rule(
        "private_key", r"LS0tLS1CRUdJTi[A-Za-z0-9+/\s]{40,12000}+={0,2}", "LS0tLS1CRUdJTi", where="start", check=_encoded_key, about="PEM private keys in base64",
    ),
    rule(
        "aws_secret", r"(?:AKIA|ASIA)[A-Z0-9]{16}[\"'\s,;:|=/]{1,12}(?P<v>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])", "AKIA", "ASIA",
        about="AWS secrets beside their key id",
    ),
    rule(
        "cloud_secret", r"(?:LTAI[A-Za-z0-9]{12,24}|AKID[A-Za-z0-9]{28,36})[\"'\s,;:|=/]{1,12}(?P<v>[A-Za-z0-9]{30,36})(?![A-Za-z0-9])", "LTAI", "AKID",
        about="secrets of Alibaba and Tencent Cloud beside their key id",
    ),
    rule(
        "azure_key", r"key[12][\"'\s:,|]{1,20}(?:(?:full|read|permissions)[\"'\s:,|]{1,20}){0,2}(?:value[\"':\s]{1,6})?(?P<v>[A-Za-z0-9+/]{86}==)", "key1", "key2",
        where="start", flags=re.IGNORECASE,
        about="keys of Azure storage beside their names",
    ),
    rule(
        "password_hash",
        r"\$(?:2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}|(?:1|5|6|y|7|apr1)\$[./A-Za-z0-9=,$]{1,40}\$[./A-Za-z0-9]{20,90}|"
        r"argon2(?:id|i|d)\$v=\d{1,3}\$[A-Za-z0-9=,]{5,60}\$[A-Za-z0-9+/]{8,90}\$[A-Za-z0-9+/]{16,180})"
        r"|\{(?:SSHA|SHA|SSHA256|SSHA512|SHA256|SHA512|MD5|SMD5)\}[A-Za-z0-9+/]{16,120}={0,2}|SCRAM-SHA-(?:1|256)\$\d{1,8}:[A-Za-z0-9+/=]{8,60}\$[A-Za-z0-9+/=:]{40,120}"
        r"|(?:pbkdf2:sha(?:1|256|512)(?::\d{1,8})?|scrypt:\d{1,8}:\d{1,3}:\d{1,3})\$[A-Za-z0-9]{4,40}\$[0-9a-f]{32,160}"
        r"|aad3b435b51404eeaad3b435b51404ee:[0-9a-f]{32}|pbkdf2_sha(?:1|256|512)\$\d{1,8}\$[A-Za-z0-9]{4,40}\$[A-Za-z0-9+/=]{20,100}",
        "$2", "$1$", "$5$", "$6$", "$y$", "$7$", "$apr1$", "$argon2", "pbkdf2_sha", "{S", "{MD5}", "SCRAM-SHA-", "pbkdf2:", "scrypt:", "aad3b435b51404ee", about="hashed passwords (bcrypt, crypt, argon2, Django)",
    ),
    *(_key(*one) for one in KEYS),
)  # fmt: skip
