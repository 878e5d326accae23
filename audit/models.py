"""The trail: a row for each client request, one for each try upstream, and the sums of each hour. Never what was said.

Invariants: a row's columns hold names, codes, counts and times; ``request`` and ``response`` hold what redaction left
of the content, and ``redaction`` says how much that may be. ``session`` is a keyed hash: the rows of one conversation
are found together, and its id is not told. A row without ``finished_at`` is under way, or its process is gone.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class Outcome(models.TextChoices):
    RUNNING = "running"
    COMPLETED = "completed"
    REFUSED = "refused"
    FAILED = "failed"
    CLIENT_DISCONNECTED = "client_disconnected"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class AuditRecord(models.Model):
    """One client request. Times are UTC; ``*_ms`` count from ``received_at``; ``cost`` is in US dollars."""

    correlation_id = models.CharField(max_length=64)
    request_id = models.CharField(max_length=64, unique=True)
    received_at = models.DateTimeField()
    endpoint = models.CharField(max_length=64)
    stream = models.BooleanField(default=False, db_default=False)
    session = models.CharField("conversation", max_length=32, blank=True, db_default="")
    client = models.CharField(max_length=128, blank=True, db_default="")
    client_version = models.CharField(max_length=32, blank=True, db_default="")
    key = models.CharField("client key", max_length=80, blank=True, db_default="")
    model_asked = models.CharField(max_length=128, blank=True, db_default="")
    model_served = models.CharField(max_length=128, blank=True, db_default="")
    rule = models.CharField(max_length=32, blank=True, db_default="")
    effort = models.CharField(max_length=16, blank=True, db_default="")
    status = models.PositiveSmallIntegerField(default=0, db_default=0)
    outcome = models.CharField(max_length=32, choices=Outcome, db_default=Outcome.RUNNING)
    error_type = models.CharField(max_length=64, blank=True, db_default="")
    error_code = models.CharField(max_length=80, blank=True, db_default="")
    error_message = models.TextField("error in words", blank=True, db_default="")
    stop_reason = models.CharField(max_length=40, blank=True, db_default="")
    input_tokens = models.PositiveIntegerField(default=0, db_default=0)
    cached_tokens = models.PositiveIntegerField(default=0, db_default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0, db_default=0)
    output_tokens = models.PositiveIntegerField(default=0, db_default=0)
    reasoning_tokens = models.PositiveIntegerField(default=0, db_default=0)
    usage_estimated = models.BooleanField(default=False, db_default=False)
    cost = models.FloatField("estimated cost", null=True, blank=True)
    connected_ms = models.PositiveIntegerField("upstream connected", null=True, blank=True)
    first_byte_ms = models.PositiveIntegerField("first byte", null=True, blank=True)
    first_token_ms = models.PositiveIntegerField("first token", null=True, blank=True)
    duration_ms = models.PositiveIntegerField("duration", default=0, db_default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    attempt_count = models.PositiveSmallIntegerField("attempts", default=0, db_default=0)
    note_count = models.PositiveSmallIntegerField("notes", default=0, db_default=0)
    counts = models.JSONField(default=dict, db_default={})
    tool_calls = models.JSONField(default=dict, db_default={}, help_text="How often each tool was called.")
    upstream_response_id = models.CharField(max_length=128, blank=True, db_default="")
    worker = models.CharField(max_length=32, blank=True, db_default="")
    redaction = models.CharField(max_length=8, blank=True, db_default="")
    # What may be long stands last: a list reads rows without it.
    notes = models.JSONField("translation notes", default=list, db_default=[])
    request = models.JSONField("redacted request", default=dict, db_default={}, blank=True)
    response = models.JSONField("redacted response", default=dict, db_default={}, blank=True)

    class Meta:
        ordering = ("-received_at", "-id")
        indexes = [
            # With the rule, so that counting a day's rules reads no row.
            models.Index(fields=["received_at", "rule"], name="audit_received"),
            models.Index(fields=["correlation_id"], name="audit_correlation"),
            models.Index(fields=["session", "received_at"], name="audit_session", condition=~Q(session="")),
            models.Index(fields=["outcome", "received_at"], name="audit_outcome"),
            models.Index(fields=["model_served", "received_at"], name="audit_model"),
            models.Index(fields=["key", "received_at"], name="audit_key", condition=~Q(key="")),
            models.Index(fields=["error_type", "received_at"], name="audit_error", condition=~Q(error_type="")),
            models.Index(fields=["received_at"], name="audit_slow", condition=Q(duration_ms__gte=30_000)),
            models.Index(fields=["worker"], name="audit_unfinished", condition=Q(finished_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.request_id

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens a second, from the first token to the end."""
        if self.first_token_ms is None or self.duration_ms <= self.first_token_ms or not self.output_tokens:
            return None
        return self.output_tokens * 1000 / (self.duration_ms - self.first_token_ms)


class UpstreamAttempt(models.Model):
    """One try upstream. ``started_ms`` counts from the request's ``received_at``."""

    # No constraint in the database: a row and its tries are pruned together, in batches.
    record = models.ForeignKey(
        AuditRecord,
        to_field="request_id",
        db_column="request_id",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,  # The unique index on (record, number) serves.
        related_name="attempts",
    )
    number = models.PositiveSmallIntegerField()
    started_ms = models.PositiveIntegerField()
    duration_ms = models.PositiveIntegerField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    error_code = models.CharField(max_length=80, blank=True, db_default="")
    upstream_request_id = models.CharField(max_length=64, blank=True, db_default="")

    class Meta:
        ordering = ("number",)
        constraints = [models.UniqueConstraint(fields=["record", "number"], name="audit_attempt")]

    def __str__(self) -> str:
        return f"{self.record_id} #{self.number}"


class UsageHour(models.Model):
    """The sums of one hour over requests that agree in all that is named here. ``digest`` stands for the hour and the
    names together; ``cost`` is in US dollars, ``unpriced`` counts the requests without a price."""

    digest = models.CharField(max_length=32, unique=True)
    hour = models.DateTimeField(db_index=True)
    endpoint = models.CharField(max_length=64)
    stream = models.BooleanField()
    key = models.CharField(max_length=80, blank=True)
    model_asked = models.CharField(max_length=128, blank=True)
    model_served = models.CharField(max_length=128, blank=True)
    outcome = models.CharField(max_length=32)
    status = models.PositiveSmallIntegerField()
    error_type = models.CharField(max_length=64, blank=True)
    stop_reason = models.CharField(max_length=40, blank=True)
    requests = models.BigIntegerField(default=0)
    attempts = models.BigIntegerField(default=0)
    noted = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    cost = models.FloatField(default=0)
    unpriced = models.BigIntegerField(default=0)
    duration_ms = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-hour",)

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}h {self.model_served} {self.outcome}"


class LatencyHour(models.Model):
    """How many requests of one hour took how long. ``measure``: ``duration`` or ``first_byte``; ``bucket`` is one of
    ``audit.rollups.BOUNDS_MS``, in milliseconds, the upper end."""

    digest = models.CharField(max_length=32, unique=True)
    hour = models.DateTimeField(db_index=True)
    model_served = models.CharField(max_length=128, blank=True)
    measure = models.CharField(max_length=12)
    bucket = models.PositiveIntegerField()
    requests = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-hour", "bucket")

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}h {self.model_served} {self.measure} <= {self.bucket} ms"


class Worker(models.Model):
    """A process that keeps the trail. ``spool`` counts the entries that wait on its disk, ``lost`` those that could
    be kept nowhere."""

    id = models.CharField(max_length=32, primary_key=True)
    host = models.CharField(max_length=128)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)
    queue = models.PositiveIntegerField(default=0)
    spool = models.PositiveIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-seen_at",)

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class ContentViewing(models.Model):
    """Somebody looked at kept content on a row's page, or took it along in an export (without a ``record``, then:
    ``rows`` of those that were ``chosen`` had some). The name outlives the user."""

    record = models.ForeignKey(
        AuditRecord,
        to_field="request_id",
        db_column="request_id",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="viewings",
        null=True,
        blank=True,
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    user_name = models.CharField(max_length=150)
    viewed_at = models.DateTimeField(db_index=True)
    redaction = models.CharField(max_length=8)
    rows = models.PositiveIntegerField(default=1, db_default=1)
    chosen = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        ordering = ("-viewed_at",)

    def __str__(self) -> str:
        return f"{self.user_name} {self.record_id or self.chosen}"
