"""From the signals to the sink: what waits, what does not, and that content is redacted on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from django.test import override_settings

from audit import content, receivers
from audit.store import Entry
from bridge_api.signals import ExchangeFinished
from tests.audit.payloads import RECEIVED, finished, opened


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was put, made."""
    taken: list[dict[str, Any]] = []

    def take(make: Any, *, urgent: bool = False, promise: Any = None) -> None:
        taken.append({"entry": make(), "urgent": urgent, "promise": promise})

    monkeypatch.setattr(receivers.sink, "put", take)
    return taken


def refused(**changed: Any) -> ExchangeFinished:
    times = {"received": RECEIVED, "finished": RECEIVED}
    done = ExchangeFinished("c", "req_1", "/v1/messages", 400, "refused", times=times, request=b'{"zorro')
    return replace(done, **changed)


async def test_an_answer_waits_for_its_beginning_and_not_for_its_end(put: list[dict[str, Any]]) -> None:
    promise = receivers.on_opened(payload=opened())
    assert receivers.on_finished(payload=finished()) is None
    first, second = put
    assert (first["urgent"], first["promise"]) == (True, promise)
    assert (second["urgent"], second["promise"]) == (False, None)


async def test_what_was_refused_waits_for_its_end(put: list[dict[str, Any]]) -> None:
    promise = receivers.on_finished(payload=refused())
    assert promise is not None
    assert (put[0]["urgent"], put[0]["promise"]) == (True, promise)


@override_settings(AUDIT_REDACTION="partial")
def test_what_was_masked_in_an_errors_words_is_told(put: list[dict[str, Any]]) -> None:
    receivers._redactor.cache_clear()
    receivers.on_finished(payload=refused(error_message="anna@example.org is not known"))
    receivers._redactor.cache_clear()
    values = put[0]["entry"].values
    assert values["error_message"] == "[email] is not known"
    assert values["response"] == {"error_masked": {"email": 1}}


def test_without_an_event_loop_nobody_waits(put: list[dict[str, Any]]) -> None:
    assert receivers.on_finished(payload=refused()) is None
    assert put[0]["entry"].values["status"] == 400


async def test_the_request_is_kept_once_with_the_beginning(put: list[dict[str, Any]]) -> None:
    receivers.on_opened(payload=opened())
    receivers.on_finished(payload=finished())
    beginning, end = (one["entry"].values for one in put)
    assert beginning["redaction"] == "full"
    assert beginning["request"]["body"]["messages"][0]["role"] == "user"
    assert (end["redaction"], end["request"]) == ("full", {})


@override_settings(AUDIT_REDACTION="partial")
async def test_words_that_are_kept_without_their_beginning_are_known_to_be_words(put: list[dict[str, Any]]) -> None:
    """Else who looks at them would not be written down."""
    receivers._redactor.cache_clear()
    receivers.on_finished(payload=finished(answer=lambda: [{"type": "text", "text": "told"}]))
    receivers._redactor.cache_clear()
    assert (put[0]["entry"].values["redaction"], put[0]["entry"].values["request"]) == ("partial", {})


async def test_of_what_was_not_understood_and_of_a_count_only_the_size_is_told(put: list[dict[str, Any]]) -> None:
    receivers.on_finished(payload=refused())
    receivers.on_finished(payload=finished(endpoint="/v1/messages/count_tokens", opened=opened()))
    not_understood, counted = (one["entry"].values for one in put)
    assert not_understood["redaction"] == counted["redaction"] == "full"
    assert not_understood["request"].keys() == {"bytes", "headers", "hash"}
    assert counted["request"].keys() == {"bytes", "headers"}


async def test_nothing_that_was_said_is_in_the_values(put: list[dict[str, Any]]) -> None:
    canary = "zq-canary-81"
    body = json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": canary}], "metadata": {"user_id": canary}}
    )
    receivers.on_opened(payload=opened(request=body.encode()))
    answer = [{"type": "text", "text": canary}]
    receivers.on_finished(payload=finished(answer=lambda: answer, error_message=f"bad {canary}"))
    for one in put:
        assert canary.encode() not in one["entry"].line()
        assert "brk_secret" not in str(one["entry"].values)


async def test_content_that_cannot_be_redacted_costs_no_row(
    put: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> list[dict[str, Any]]:
        raise ValueError("zorro")

    receivers.on_finished(payload=finished(answer=broken))
    assert put[0]["entry"].values["response"] == {"failed": "ValueError"}
    assert "zorro" not in caplog.text


@pytest.mark.parametrize("confirmed", [True, False])
async def test_the_mode_is_the_installations_and_plain_content_needs_a_confirmation(
    put: list[dict[str, Any]], confirmed: bool
) -> None:
    """Whatever server runs the application: not all of them ask the system's checks."""
    with override_settings(AUDIT_REDACTION="none", AUDIT_PLAIN_CONFIRMED=confirmed, DEBUG=False):
        receivers._redactor.cache_clear()
        try:
            receivers.on_opened(payload=opened())
        finally:
            receivers._redactor.cache_clear()
    entry: Entry = put[0]["entry"]
    assert entry.values["redaction"] == ("none" if confirmed else "full")
    assert ("Hello there" in str(entry.values["request"])) is confirmed


async def test_a_rule_that_fails_costs_the_words_and_not_the_row(
    put: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("what was said")

    monkeypatch.setattr(content, "mask_cut", broken)
    monkeypatch.setattr(receivers, "_redactor", lambda: content.Redactor("partial", b"key"))
    failure = finished(outcome="failed", error_message="Invalid value: jane.roe@example.org", status=400)
    receivers.on_opened(payload=opened(headers={"x-app": "what was said"}))
    receivers.on_finished(payload=failure)
    beginning, end = (one["entry"] for one in put)
    assert "what was said" not in str(beginning.values["request"]["headers"])
    assert beginning.values["request"]["body"]["messages"]
    assert "jane.roe" not in end.values["error_message"]
    assert "Invalid value" in end.values["error_message"]
