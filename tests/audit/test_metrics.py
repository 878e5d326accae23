"""Figures: few labels, none from a client, the same whichever worker is asked."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from audit import metrics
from audit.metrics import may_ask
from tests.audit.payloads import RECEIVED, finished, opened
from tests.live import ROOT, start_bridge
from tests.simulator.script import Text, Turn, error_turn
from tests.simulator.server import Simulator

BODY = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "canary-51"}]}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    for metric in metrics.registry._names_to_collectors.values():
        metric.clear()  # type: ignore[attr-defined]
    metrics._labelled.cache_clear()
    monkeypatch.setattr(metrics, "_models", set())
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)


def figures(text: str) -> dict[str, float]:
    """Samples by ``name{label=value,...}``, labels in their order."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def now() -> dict[str, float]:
    return figures(metrics.exposition().decode())


# -- who may ask ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "token", "headers", "address", "may"),
    [
        ("off", "", {}, "127.0.0.1", False),
        ("off", "t", {"authorization": "Bearer t"}, "127.0.0.1", False),
        ("loopback", "", {}, "127.0.0.1", True),
        ("loopback", "", {}, "::1", True),
        ("loopback", "", {}, "10.0.0.7", False),
        ("loopback", "", {}, "", False),
        ("loopback", "", {"x-forwarded-for": "127.0.0.1"}, "127.0.0.1", False),
        ("open", "", {}, "10.0.0.7", True),
        ("loopback", "t", {}, "127.0.0.1", False),
        ("loopback", "t", {"authorization": "Bearer x"}, "127.0.0.1", False),
        ("loopback", "t", {"authorization": "Bearer t"}, "10.0.0.7", True),
        ("open", "t", {"authorization": "Bearer té"}, "10.0.0.7", False),
    ],
)
def test_figures_are_for_those_who_may_ask(mode: str, token: str, headers: Any, address: str, may: bool) -> None:
    assert may_ask(mode, token, headers, address) is may


async def test_who_may_not_ask_finds_nothing(bridge_in_process: httpx.AsyncClient, settings: Any) -> None:
    assert (await bridge_in_process.get("/metrics")).status_code == 200
    assert (await bridge_in_process.post("/metrics")).status_code == 405
    settings.METRICS = "off"
    assert (await bridge_in_process.get("/metrics")).status_code == 404


# -- what is counted --------------------------------------------------------------------------------------


def test_a_request_counts_once_with_its_tokens_times_and_tries() -> None:
    metrics.on_opened(payload=opened())
    assert now()["bridge_requests_in_progress{}"] == 1
    metrics.on_finished(payload=finished())
    found = now()
    labels = "endpoint=/v1/messages,model=gpt-6.1-sol,outcome=completed,status=200,stream=true"
    assert found["bridge_requests_in_progress{}"] == 0
    assert found[f"bridge_requests_total{{{labels}}}"] == 1
    assert found["bridge_request_duration_seconds_sum{endpoint=/v1/messages,model=gpt-6.1-sol}"] == 1
    assert found["bridge_first_token_seconds_count{model=gpt-6.1-sol}"] == 1
    tokens = {
        kind: found[f"bridge_tokens_total{{kind={kind},model=gpt-6.1-sol}}"]
        for kind in ("input", "cached", "output", "reasoning")
    }
    assert tokens == {"input": 5, "cached": 3, "output": 7, "reasoning": 2}
    assert found["bridge_upstream_attempts_total{error=,status=200}"] == 1


def test_a_refusal_counts_as_an_error_and_was_never_in_progress() -> None:
    metrics.on_finished(
        payload=finished(
            opened=None,
            outcome="refused",
            status=400,
            error_type="invalid_request_error",
            error_code="x_y",
            usage={},
            attempts=(),
        )
    )
    found = now()
    assert found["bridge_errors_total{code=x_y,type=invalid_request_error}"] == 1
    assert found["bridge_requests_in_progress{}"] == 0


def test_a_client_that_leaves_is_no_error() -> None:
    metrics.on_finished(payload=finished(outcome="client_disconnected", status=499, error_type="api_error"))
    found = now()
    assert any("outcome=client_disconnected" in name for name in found)
    assert not any(name.startswith("bridge_errors_total") for name in found)


def test_what_comes_from_outside_is_no_label() -> None:
    for at in range(150):
        metrics.on_finished(
            payload=finished(opened=opened(model_served=f"m{at}", model_asked="canary-51", request=b""))
        )
    metrics.on_finished(
        payload=finished(error_type="api_error", error_code="canary 51\n{}", endpoint="/v1/messages/canary-51")
    )
    text = metrics.exposition().decode()
    assert "canary" not in text
    models = {found[1] for found in re.finditer(r'bridge_requests_total\{[^}]*model="([^"]*)"', text)}
    assert len(models) == metrics.MODELS + 1
    assert "other" in models


def test_a_clients_own_name_of_a_model_is_a_label_once_the_upstream_has_answered_by_it() -> None:
    """Else who may ask could fill the places of all models."""
    asked = opened(model_served="gpt-canary-51", rule="passthrough", request=b"")
    metrics.on_finished(payload=finished(opened=asked, outcome="failed", status=404, error_type="not_found_error"))
    assert "canary" not in metrics.exposition().decode()
    metrics.on_finished(payload=finished(opened=asked, upstream_model="gpt-canary-51"))
    assert "canary" in metrics.exposition().decode()
    secret = "gpt-ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
    metrics.on_finished(
        payload=finished(opened=opened(model_served=secret, request=b""), error_type="x", error_code=secret[4:])
    )
    assert "ghp_" not in metrics.exposition().decode()


@given(st.text())
def test_a_code_is_a_plain_word_or_other(code: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_]{0,40}", metrics._code(code))


def test_a_figure_that_cannot_be_counted_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    metrics.on_finished(payload=finished(times={"received": RECEIVED}))
    assert "could not be counted: KeyError" in caplog.text


# -- several workers --------------------------------------------------------------------------------------


def test_every_worker_tells_the_figures_of_all(tmp_path: Path, simulator: Simulator) -> None:
    bridge = start_bridge(tmp_path, simulator.base_url, WEB_CONCURRENCY="2")

    def ask(at: int) -> int:
        # A connection of its own: the kernel gives it to one worker or the other.
        return httpx.post(f"{bridge.base_url}/v1/messages", json=BODY, timeout=20).status_code

    def scrape() -> str:
        return httpx.get(f"{bridge.base_url}/metrics", timeout=20).text

    try:
        simulator.brain = lambda request: Turn((Text("answer canary-51"),))
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, range(40))) == {200}
        simulator.brain = lambda request: error_turn(400, "bad_thing", "canary-51")
        assert ask(0) == 400
        texts = [scrape() for _ in range(6)]
        for text in texts:
            found = figures(text)
            done = "endpoint=/v1/messages,model=gpt-6.1-sol,outcome=completed,status=200,stream=false"
            assert found[f"bridge_requests_total{{{done}}}"] == 40
            assert found["bridge_errors_total{code=bad_thing,type=invalid_request_error}"] == 1
            assert found["bridge_requests_in_progress{}"] == 0
            assert "canary" not in text
            assert "brk_" not in text
    finally:
        bridge.stop()


# -- the document -----------------------------------------------------------------------------------------


def test_the_document_names_every_figure_and_no_other() -> None:
    told = set(re.findall(r"^\| `(bridge_\w+)` \|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))
    made = {family.name + ("_total" if family.type == "counter" else "") for family in metrics.registry.collect()}
    assert told == made
