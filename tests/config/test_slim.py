"""The slim handler against Django's own: an upgrade that changes what requests get is noticed here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from bridge_api import correlation, views
from bridge_api.guard import Guard
from bridge_api.signals import exchange_finished
from config.asgi import is_api
from tests.bridge_api.edge import BODY, Caller, answer_events, bridge, eventually, saying, service_for, wired

closed: list[str] = []


class Noted(StreamingHttpResponse):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._resource_closers.append(lambda: closed.append("closed"))  # type: ignore[attr-defined]


async def echo(request: HttpRequest, name: str = "") -> HttpResponse:
    answer = HttpResponse(request.body, content_type="text/plain", headers={"x-name": name, "x-kind": request.method})
    answer["x-query"] = request.META["QUERY_STRING"]
    answer["x-host"] = request.META.get("HTTP_X_HOST", "")
    return answer


async def stream(request: HttpRequest) -> Noted:
    async def parts() -> Any:
        for at in range(3):
            yield b"%d\n" % at

    return Noted(parts(), content_type="text/plain", status=207)


async def endless(request: HttpRequest) -> Noted:
    async def parts() -> Any:
        yield b"first\n"
        await asyncio.sleep(60)

    return Noted(parts(), content_type="text/plain")


async def waits(request: HttpRequest) -> HttpResponse:
    try:
        await asyncio.sleep(60)
    finally:
        closed.append("view ended")
    return HttpResponse()


async def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("canary")


async def no_content(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


urlpatterns = [
    path("echo/<str:name>", echo),
    path("stream", stream),
    path("endless", endless),
    path("waits", waits),
    path("broken", broken),
    path("nothing", no_content),
]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(exchange_finished, "receivers", [])
    closed.clear()
    yield


@pytest.fixture
def own_urls() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


def django_bridge() -> Guard:
    """The same guard in front of Django's handler, which reads the body that the guard replays."""
    with override_settings(MIDDLEWARE=[]):
        handler = ASGIHandler()
    return Guard(handler, handler, is_api=lambda scope: False, max_body=4_000_000, read_timeout=20)  # type: ignore[arg-type]


def seen(caller: Caller) -> tuple[int, dict[str, str], bytes]:
    # Django leaves the length to its middleware; the slim handler has none.
    headers = {name.lower(): value for name, value in caller.headers.items() if name != "content-length"}
    return caller.status, headers, caller.content


async def both(monkeypatch: pytest.MonkeyPatch, *arguments: Any, **named: Any) -> tuple[Any, Any]:
    for name in ("new_request_id", "new_correlation_id", "new_message_id"):
        monkeypatch.setattr(correlation, name, lambda name=name: f"{name}-1")
    slim = await Caller(*arguments, **named).on(bridge())
    full = await Caller(*arguments, **named).on(django_bridge())
    return seen(slim), seen(full)


@pytest.mark.parametrize(
    ("method", "where", "body"),
    [("GET", "/echo/a", b""), ("POST", "/echo/b", b"some bytes"), ("GET", "/stream", b""), ("GET", "/nothing", b"")],
)
async def test_views_get_and_give_the_same(
    own_urls: None, monkeypatch: pytest.MonkeyPatch, method: str, where: str, body: bytes
) -> None:
    slim, full = await both(monkeypatch, method, where, body, headers=[("x-host", "ä")])
    assert slim == full


@pytest.mark.parametrize(
    ("method", "where", "body"),
    [
        ("GET", "/healthz", b""),
        ("HEAD", "/api/hello", b""),
        ("POST", "/api/event_logging/batch", b"{}"),
        ("POST", "/v1/messages", b"{"),
        ("POST", "/v1/messages", b'{"model":"m","messages":[]}'),
        ("POST", "/v1/messages/count_tokens", b"[]"),
        ("POST", "/v1/messages/stream", b"{"),
    ],
)
async def test_the_api_answers_the_same(monkeypatch: pytest.MonkeyPatch, method: str, where: str, body: bytes) -> None:
    async with wired(saying([])) as (_, upstream):
        service = service_for(upstream)
        monkeypatch.setattr(views, "service", lambda: service)
        slim, full = await both(monkeypatch, method, where, body)
    assert slim == full


@pytest.mark.parametrize("streaming", [False, True])
async def test_an_answer_of_the_upstream_is_the_same(monkeypatch: pytest.MonkeyPatch, streaming: bool) -> None:
    async with wired(saying(answer_events())) as (_, upstream):
        service = service_for(upstream)
        monkeypatch.setattr(views, "service", lambda: service)
        slim, full = await both(monkeypatch, body={**BODY, "stream": streaming})
    assert slim[0] == 200
    assert slim == full


@pytest.mark.parametrize(
    ("method", "where", "kind"),
    [("GET", "/nowhere", "not_found_error"), ("GET", "/v1/messages", "invalid_request_error")],
)
async def test_statuses_are_djangos_where_bodies_are_the_envelope(
    monkeypatch: pytest.MonkeyPatch, method: str, where: str, kind: str
) -> None:
    caller = await Caller(method, where).on(bridge())
    _, full = await both(monkeypatch, method, where)
    assert caller.status == full[0]
    assert caller.json()["error"]["type"] == kind
    assert caller.json()["request_id"] == caller.headers["request-id"]


async def test_a_whole_answer_has_its_length_and_an_empty_one_has_none(own_urls: None) -> None:
    caller = await Caller("POST", "/echo/a", b"12345").on(bridge())
    assert caller.headers["content-length"] == "5"
    assert "content-length" not in (await Caller("GET", "/nothing").on(bridge())).headers


async def test_head_has_the_headers_and_no_body(own_urls: None) -> None:
    caller = await Caller("HEAD", "/echo/a", b"12345").on(bridge())
    assert (caller.headers["content-length"], caller.content) == ("5", b"")


async def test_a_view_that_raises_is_an_envelope_and_a_log_line_without_content(own_urls: None, caplog: Any) -> None:
    with caplog.at_level(logging.INFO):
        caller = await Caller("GET", "/broken").on(bridge())
    assert (caller.status, caller.json()["error"]["type"]) == (500, "api_error")
    assert "canary" not in caplog.text + caller.content.decode()
    assert "RuntimeError" in caplog.text


async def test_a_stream_is_closed_once_when_it_ends(own_urls: None) -> None:
    await Caller("GET", "/stream").on(bridge())
    assert closed == ["closed"]


async def test_a_stream_is_closed_once_when_its_client_leaves(own_urls: None) -> None:
    caller = Caller("GET", "/endless")
    running = asyncio.create_task(caller.on(bridge()))
    await caller.until(lambda it: it.content == b"first\n")
    caller.leave()
    await running
    assert closed == ["closed"]
    assert not caller.whole


async def test_a_client_that_leaves_cancels_the_view(own_urls: None) -> None:
    caller = Caller("GET", "/waits")
    running = asyncio.create_task(caller.on(bridge()))
    await eventually(lambda: caller.receives == 2)
    caller.leave()
    await running
    assert (closed, caller.status) == (["view ended"], 0)


async def test_a_cancellation_from_outside_is_not_swallowed(own_urls: None) -> None:
    caller = Caller("GET", "/waits")
    running = asyncio.create_task(caller.on(bridge()))
    await eventually(lambda: caller.receives == 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_no_task_is_left_behind(own_urls: None) -> None:
    before = asyncio.all_tasks()
    for _ in range(3):
        await Caller("GET", "/echo/a").on(bridge())
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_no_signal_and_no_thread_of_django_is_used(own_urls: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from asgiref import sync
    from django.core import signals

    def unwanted(**kwargs: Any) -> None:
        raise AssertionError("a signal of Django's was sent")

    monkeypatch.setattr(sync.SyncToAsync, "__call__", unwanted)
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(unwanted)
    try:
        assert (await Caller("GET", "/echo/a").on(bridge())).status == 200
    finally:
        for signal in (signals.request_started, signals.request_finished):
            signal.disconnect(unwanted)


@pytest.mark.parametrize(
    ("method", "where", "api"),
    [
        ("POST", "/v1/messages", True),
        ("GET", "/v1", True),
        ("GET", "/healthz", True),
        ("GET", "//v1/messages", True),
        ("GET", "/favicon.ico", True),
        ("HEAD", "/", True),
        ("GET", "/", False),
        ("GET", "/admin", False),
        ("GET", "/admin/login/", False),
        ("GET", "/static/admin/css/base.css", False),
        ("GET", "/administrator", True),
    ],
)
def test_only_the_admin_and_the_front_page_go_to_django(method: str, where: str, api: bool) -> None:
    assert is_api({"path": where, "method": method}) is api
