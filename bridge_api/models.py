"""What operators decide, as rows: mappings, what models take, client keys; and what keys have used.

Invariants: every change of a row that the API reads raises the revision in the same transaction, so that all workers
renew their snapshot; a key's own text is never stored; names of people are copied onto the rows, so that what they
did outlives their accounts. The API itself reads these tables only beside its requests (``renewal``, ``limits``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from bridge_api import capabilities, keys, rules
from bridge_api.capabilities import Capabilities

NO_BLANKS = RegexValidator(r"^\S+$", "A model name has no blanks.")
POSITIVE = MinValueValidator(1)


class Revision(models.Model):
    """One row: a number that rises with every change."""

    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)

    @classmethod
    def rise(cls) -> None:
        cls.objects.get_or_create(pk=1)
        cls.objects.filter(pk=1).update(number=F("number") + 1)

    @classmethod
    def current(cls) -> int:
        return cls.objects.filter(pk=1).values_list("number", flat=True).first() or 0


class Revised(models.QuerySet[Any]):
    """Rows whose changes by ``update`` and ``delete`` raise the revision, too."""

    def update(self, **values: Any) -> int:
        with transaction.atomic():
            Revision.rise()
            return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            Revision.rise()
            return super().delete()

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        with transaction.atomic():
            Revision.rise()
            return super().bulk_create(objs, *args, **kwargs)


class Kept(models.Model):
    """A row that the API reads."""

    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.CharField(max_length=150, blank=True, editable=False)
    note = models.TextField(blank=True, help_text="For colleagues: why it is so.")

    objects = Revised.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            Revision.rise()
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            Revision.rise()
            return super().delete(*args, **kwargs)


def _choices(values: Iterable[str], **words: str) -> list[tuple[str, str]]:
    return [(value, words.get(value, value)) for value in values]


class ModelMapping(Kept):
    """A rule of the mapping: which names, which model, and how."""

    kind = models.CharField(
        max_length=8,
        choices=_choices(
            rules.KINDS,
            exact="exact name",
            prefix="beginning of the name",
            glob="pattern with * or ?",
            family="Claude family",
        ),
        default="exact",
        help_text="How the name below is compared with the name that a client asks for.",
    )
    pattern = models.CharField(
        "asked for",
        max_length=rules.LONGEST,
        help_text="Such as claude-opus-5-5, claude-opus, *-haiku-*, or the family opus. Case does not matter; "
        "suffixes such as [1m] are left aside unless an exact name has them.",
    )
    served = models.CharField(
        "served by",
        max_length=128,
        validators=[NO_BLANKS],
        help_text="The upstream's model, such as gpt-6.1-sol, or the name of an Azure deployment.",
    )
    effort_mode = models.CharField(
        "reasoning effort is",
        max_length=8,
        choices=_choices(
            rules.EFFORT_MODES,
            as_asked="as asked",
            fixed="always",
            at_least="at least",
            at_most="at most",
        ),
        default="as_asked",
    )
    effort = models.CharField(
        max_length=8,
        blank=True,
        choices=_choices(capabilities.EFFORT_ORDER),
        help_text="Only with 'always', 'at least' or 'at most'. What the model does not take becomes the nearest it takes; "
        "'at most' leaves requests alone that ask for no effort.",
    )
    max_output_tokens = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(16)], help_text="At most so many tokens for an answer."
    )
    max_input_tokens = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[POSITIVE],
        help_text="A longer prompt is refused in the words that make Claude Code compact its conversation.",
    )
    service_tier = models.CharField(
        max_length=12, blank=True, choices=_choices(rules.SERVICE_TIERS), help_text="Empty: as asked."
    )
    verbosity = models.CharField(
        max_length=8, blank=True, choices=_choices(rules.VERBOSITIES), help_text="Empty: the model's own."
    )
    priority = models.IntegerField(
        default=0, help_text="A higher one is asked first. Of equal ones the more exact rule is."
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ("-priority", "pattern")
        verbose_name = "model mapping"

    def __str__(self) -> str:
        return f"{self.pattern} → {self.served}"

    def rule(self) -> rules.Rule:
        """The row as the API reads it."""
        adjustments = rules.Adjustments(
            effort_mode=self.effort_mode,  # type: ignore[arg-type]
            effort=self.effort,
            max_output_tokens=self.max_output_tokens,
            max_input_tokens=self.max_input_tokens,
            service_tier=self.service_tier,
            verbosity=self.verbosity,
        )
        return rules.Rule(self.pk or 0, self.kind, self.pattern, self.served, self.priority, adjustments)  # type: ignore[arg-type]

    def sound_rule(self) -> rules.Rule:
        """The row as the API reads it. Raises ValidationError for what no page and no command would have let in."""
        self.clean_fields()
        self._clean_alone()
        return self.rule()

    def _clean_alone(self) -> None:
        self.pattern = rules.whole(self.pattern)
        fault = rules.fault_in(self.kind, self.pattern)  # type: ignore[arg-type]
        if fault:
            raise ValidationError({"pattern": fault})
        if (self.effort_mode == "as_asked") is bool(self.effort):
            words = "Choose an effort." if self.effort_mode != "as_asked" else "Effort is 'as asked': leave it empty."
            raise ValidationError({"effort": words})

    def clean(self) -> None:
        self._clean_alone()
        if self.enabled:
            others = ModelMapping.objects.filter(enabled=True).exclude(pk=self.pk)
            trouble = rules.trouble(self.rule(), [other.rule() for other in others])
            if trouble:
                raise ValidationError({"pattern": trouble})


class ModelCapability(Kept):
    """What an upstream model takes, where the built-in table does not know it or is wrong. Empty: as built in."""

    model = models.CharField(
        max_length=128,
        unique=True,
        validators=[NO_BLANKS],
        help_text="The upstream's name, or its beginning up to a - : @ or /: 'qwen3' is for qwen3:30b, too. The longest "
        "row counts, built in or not: 'gpt-5' changes nothing for gpt-5-pro, which the bridge knows by itself.",
    )
    like = models.CharField(
        "counted like",
        max_length=128,
        blank=True,
        help_text="The OpenAI model whose tokens and limits it has where nothing else is said here: for a "
        "deployment's name.",
    )
    efforts = models.CharField(
        max_length=64,
        blank=True,
        help_text="Reasoning efforts that it takes, weakest first, with commas; '-' for a model that does not reason.",
    )
    sampling = models.CharField(
        "temperature and top_p",
        max_length=20,
        blank=True,
        choices=[("always", "taken"), ("without_reasoning", "taken without reasoning"), ("never", "refused")],
    )
    context_window = models.PositiveIntegerField(null=True, blank=True, validators=[POSITIVE], help_text="Tokens.")
    max_input = models.PositiveIntegerField(null=True, blank=True, validators=[POSITIVE], help_text="Tokens.")
    max_output = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(16)])
    images = models.BooleanField(null=True, blank=True)
    files = models.BooleanField(null=True, blank=True)
    structured_output = models.BooleanField("output schemas", null=True, blank=True)
    verbosity = models.BooleanField(null=True, blank=True)
    tool_search = models.BooleanField(null=True, blank=True)
    breakpoints = models.BooleanField("prompt-cache breakpoints", null=True, blank=True)
    phase = models.BooleanField("commentary phases", null=True, blank=True)
    encrypted_reasoning = models.BooleanField(null=True, blank=True)
    source = models.CharField(max_length=200, help_text="Where you have it from: a page, a test, a colleague.")
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ("model",)
        verbose_name = "model capability"
        verbose_name_plural = "model capabilities"

    def __str__(self) -> str:
        return self.model

    def capabilities(self) -> Capabilities:
        """The row over the built-in one of the model, or of the one that it is like."""
        base = capabilities.of(self.like or self.model)
        changed: dict[str, Any] = {"source": self.source, "like": self.like}
        if self.efforts:
            changed["efforts"] = () if self.efforts == "-" else tuple(self.efforts.split(","))
        for name in ("sampling", "context_window", "max_input", "max_output", *FLAGS):
            value = getattr(self, name)
            if value not in (None, ""):
                changed[name] = value
        if self.context_window:
            # A smaller window bounds what nobody has said.
            for name in ("max_input", "max_output"):
                changed.setdefault(name, min(getattr(base, name), self.context_window))
        return replace(base, **changed)

    def sound_capabilities(self) -> Capabilities:
        """The row as the API reads it. Raises ValidationError for what no page ever let in; what is larger than the
        window, which earlier versions took, is the window."""
        self.clean_fields()
        self._clean_names()
        caps = self.capabilities()
        window = caps.context_window
        return replace(caps, max_input=min(caps.max_input, window), max_output=min(caps.max_output, window))

    def clean(self) -> None:
        self._clean_names()
        caps = self.capabilities()
        for name, words in (("max_input", "What goes in"), ("max_output", "What comes out")):
            if getattr(self, name) and getattr(caps, name) > caps.context_window:
                text = f"{words} cannot be more than the context window, which is {caps.context_window:,} tokens."
                raise ValidationError({name: text})

    def _clean_names(self) -> None:
        self.model, self.like = self.model.strip(), self.like.strip()
        given = [effort.strip().lower() for effort in self.efforts.split(",") if effort.strip()]
        unknown = [effort for effort in given if effort not in capabilities.EFFORT_ORDER]
        if given != ["-"] and unknown:
            raise ValidationError({"efforts": f"The efforts are {', '.join(capabilities.EFFORT_ORDER)}."})
        self.efforts = "-" if given == ["-"] else ",".join(sorted(given, key=capabilities.EFFORT_ORDER.index))
        if self.like and capabilities.of(self.like) is capabilities.UNKNOWN:
            raise ValidationError({"like": "The built-in table does not know that model."})


FLAGS: tuple[str, ...] = ("images", "files", "structured_output", "verbosity", "tool_search", "breakpoints", "phase")
FLAGS += ("encrypted_reasoning",)


class ClientKey(Kept):
    """Who may use the bridge, and how much. The key itself is shown once and kept as a hash."""

    label = models.CharField(max_length=80, unique=True, help_text="By this name the audit shows it.")
    owner = models.CharField(max_length=150, blank=True, help_text="The person or team who has it.")
    shown = models.CharField("begins with", max_length=keys.SHOWN, editable=False)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    allowed_models = models.TextField(
        blank=True,
        help_text="Names that may be asked for, one a line or with commas, with * and ? if you like; without suffixes "
        "such as [1m], which are left aside. Empty: all.",
    )
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True, validators=[POSITIVE])
    tokens_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[POSITIVE], help_text="Input and output together."
    )
    concurrent_streams = models.PositiveIntegerField(
        null=True, blank=True, validators=[POSITIVE], help_text="Requests that may run at the same time."
    )
    daily_token_budget = models.PositiveBigIntegerField(
        null=True, blank=True, validators=[POSITIVE], help_text="Input and output together, each day (UTC)."
    )

    class Meta:
        ordering = ("label",)
        verbose_name = "client key"

    def __str__(self) -> str:
        return self.label

    @classmethod
    def make(cls, label: str, **fields: Any) -> tuple[ClientKey, str]:
        """A new row and its key, which is not to be had again. Raises ValidationError."""
        text = keys.new_key()
        row = cls(label=label, shown=text[: keys.SHOWN], hash=keys.hashed(text), **fields)
        row.full_clean()
        row.save()
        return row, text

    @property
    def state(self) -> str:
        """``active``, ``expired`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= timezone.now() else "active"

    def clean(self) -> None:
        fault = keys.fault_in(self.allowed_models)
        if fault:
            raise ValidationError({"allowed_models": fault})
        if self._state.adding and self.state == "expired":
            raise ValidationError({"expires_at": "That is over already: the key would be refused from the beginning."})
        self.allowed_models = "\n".join(keys.patterns(self.allowed_models))

    def revoke(self, by: str = "") -> None:
        """From now on the key is refused. A second time does nothing."""
        if self.revoked_at is None:
            self.revoked_at, self.changed_by = timezone.now(), by
            self.save()

    def sound_key(self) -> keys.ClientKey:
        """As ``key``. Raises ValidationError for what no page and no command would have let in."""
        self.clean_fields()
        return self.key()

    def key(self) -> keys.ClientKey:
        """The row as the API reads it."""
        limits = keys.Limits(
            self.requests_per_minute, self.tokens_per_minute, self.concurrent_streams, self.daily_token_budget
        )
        return keys.ClientKey(
            id=self.pk,
            label=self.label,
            expires=_seconds(self.expires_at),
            revoked=self.revoked_at is not None,
            models=keys.allowed(self.allowed_models),
            limits=limits,
        )


def _seconds(at: datetime | None) -> float | None:
    return at.timestamp() if at is not None else None


class KeyUsage(models.Model):
    """What a key has used in one window: a minute or a day of the clock, whose start is ``window`` (Unix seconds)."""

    key = models.ForeignKey(ClientKey, on_delete=models.CASCADE, related_name="usage")
    kind = models.CharField(max_length=16)
    window = models.BigIntegerField()
    amount = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=("key", "kind", "window"), name="key_usage_window")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"


class KeyLease(models.Model):
    """A request of a key that is running. It counts until ``until`` (Unix seconds), which its worker renews."""

    key = models.ForeignKey(ClientKey, on_delete=models.CASCADE, related_name="leases")
    request_id = models.CharField(max_length=64, unique=True)
    worker = models.CharField(max_length=64)
    until = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=("key", "until"), name="key_lease_until")]

    def __str__(self) -> str:
        return self.request_id
