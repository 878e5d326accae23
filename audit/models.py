"""One row for each client request: what was asked, what became of it, what it cost. Never what was said.

Invariant: a row holds names, codes, counts and times. No field is given text of a conversation. ``session`` is a
keyed hash: the rows of one session are found together, and its id is not told.
"""

from __future__ import annotations

from django.db import models


class AuditRecord(models.Model):
    correlation_id = models.CharField(max_length=64, db_index=True)
    request_id = models.CharField(max_length=64, unique=True)
    received_at = models.DateTimeField(db_index=True)
    endpoint = models.CharField(max_length=64)
    stream = models.BooleanField(default=False)
    session = models.CharField(max_length=32, blank=True, db_index=True)
    client = models.CharField(max_length=128, blank=True)
    key = models.CharField("client key", max_length=80, blank=True, db_index=True)
    model_asked = models.CharField(max_length=128, blank=True)
    model_served = models.CharField(max_length=128, blank=True)
    rule = models.CharField(max_length=32, blank=True)
    effort = models.CharField(max_length=16, blank=True)
    status = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=32, db_index=True)
    error_type = models.CharField(max_length=64, blank=True)
    error_code = models.CharField(max_length=80, blank=True)
    stop_reason = models.CharField(max_length=40, blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    reasoning_tokens = models.PositiveIntegerField(default=0)
    usage_estimated = models.BooleanField(default=False)
    duration_ms = models.PositiveIntegerField(default=0)
    first_byte_ms = models.PositiveIntegerField(null=True, blank=True)
    counts = models.JSONField(default=dict)
    tool_calls = models.JSONField(default=list)
    notes = models.JSONField(default=list)
    attempts = models.JSONField(default=list)
    upstream_response_id = models.CharField(max_length=128, blank=True)

    class Meta:
        ordering = ("-received_at",)

    def __str__(self) -> str:
        return self.request_id
