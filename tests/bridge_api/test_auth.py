"""Who is asking, by the operator's mode."""

from __future__ import annotations

from typing import Any

import pytest

from bridge_api import auth as auth_module
from bridge_api.auth import ANYBODY, Auth
from bridge_api.errors import AuthenticationFailed, Overloaded
from bridge_api.keys import ClientKey, Limits, hashed, new_key
from bridge_api.signals import ExchangeFinished
from bridge_api.snapshot import Snapshot
from tests.bridge_api.edge import BODY, Caller, answer_events, bridge, plain, saying, sending, wired

KEY = new_key()


def knowing(**key: Any) -> Snapshot:
    from bridge_api.mapping import ModelMap

    return Snapshot(ModelMap.parse("", "gpt-6.1-sol"), keys={hashed(KEY): ClientKey(7, "team a", **key)}, revision=3)


async def test_until_the_keys_are_read_nobody_is_told_that_a_key_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_module, "FIRST_READING", 0.0)
    with pytest.raises(Overloaded):
        await Auth("keys", lambda: False).caller({"x-api-key": KEY}, Snapshot)


@pytest.mark.parametrize("mode", ["open", "passthrough"])
async def test_until_the_rules_are_known_nobody_is_answered_by_others(
    mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_module, "FIRST_READING", 0.0)
    with pytest.raises(Overloaded) as caught:
        await Auth(mode, knows=lambda: False).caller({"x-api-key": "sk-a"}, Snapshot)
    assert caught.value.code == "rules_unread"


async def test_a_request_waits_for_the_first_reading_of_the_keys() -> None:
    looks: list[int] = []

    def loaded() -> bool:
        looks.append(1)
        return len(looks) > 3

    assert (await Auth("keys", loaded).caller({"x-api-key": KEY}, knowing)).label == "team a"


async def test_an_open_bridge_asks_nobody() -> None:
    assert await Auth("open").caller({"x-api-key": "anything"}, Snapshot) is ANYBODY


@pytest.mark.parametrize("headers", [{}, {"x-api-key": KEY}, {"authorization": "Bearer a b"}, {"x-api-key": "sk-é"}])
async def test_what_cannot_be_an_upstream_key_is_not_passed_on(headers: dict[str, str]) -> None:
    with pytest.raises(AuthenticationFailed):
        await Auth("passthrough").caller(headers, Snapshot)


@pytest.mark.parametrize("headers", [{"x-api-key": "sk-mine"}, {"authorization": "Bearer sk-mine"}])
async def test_the_clients_own_key_is_passed_on(use: Any, alone: None, headers: dict[str, str]) -> None:
    async with wired(saying(answer_events()), organization="org-1") as (wire, upstream):
        use(upstream, auth=Auth("passthrough"), has_credential=False)
        caller = await Caller(body=BODY, headers=tuple(headers.items())).on(bridge())
        assert caller.status == 200
        asked = wire.requests[0][1]
    assert asked["authorization"] == "Bearer sk-mine"
    assert "openai-organization" not in asked


@pytest.mark.parametrize(
    ("mode", "words"), [("passthrough", "the API key that you gave"), ("open", "the bridge's own")]
)
async def test_whose_key_the_upstream_refused_is_told(use: Any, alone: None, mode: Any, words: str) -> None:
    body = b'{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}'
    async with wired(sending(plain(401, body))) as (_, upstream):
        use(upstream, auth=Auth(mode))
        caller = await Caller(body=BODY, headers=(("x-api-key", "sk-wrong"),)).on(bridge())
    assert caller.status == 401
    assert f"The upstream refused {words}" in caller.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_without_a_key_nothing_is_read_and_nothing_asked(
    use: Any, ends: list[ExchangeFinished], path: str
) -> None:
    async with wired(saying(answer_events())) as (wire, upstream):
        use(upstream, auth=Auth("keys"), snapshot=knowing)
        caller = await Caller(path=path, body=b"{ not json").on(bridge())
        assert wire.connections == 0
    assert (caller.status, caller.json()["error"]["type"]) == (401, "authentication_error")
    assert (ends[0].status, ends[0].outcome, ends[0].error_code) == (401, "refused", "key_missing")


async def test_a_request_with_a_key_is_told_by_its_label(use: Any, ends: list[ExchangeFinished]) -> None:
    async with wired(saying(answer_events())) as (_, upstream):
        use(upstream, auth=Auth("keys"), snapshot=knowing)
        caller = await Caller(body=BODY, headers=(("X-Api-Key", KEY),)).on(bridge())
    assert caller.status == 200
    assert ends[0].opened is not None
    assert ends[0].opened.key == ends[0].key == "team a"


async def test_a_broken_request_with_a_key_is_told_by_its_label_too(use: Any, ends: list[ExchangeFinished]) -> None:
    async with wired(saying(answer_events())) as (_, upstream):
        use(upstream, auth=Auth("keys"), snapshot=knowing)
        caller = await Caller(body=b"{", headers=(("X-Api-Key", KEY),)).on(bridge())
    assert (caller.status, ends[0].key, ends[0].opened) == (400, "team a", None)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_a_model_that_the_key_is_not_for_is_refused(use: Any, alone: None, path: str) -> None:
    body = {name: value for name, value in BODY.items() if "count" not in path or name != "max_tokens"}
    async with wired(saying(answer_events())) as (_, upstream):
        service = use(upstream, auth=Auth("keys"), snapshot=lambda: knowing(models=("claude-haiku-*",)))
        for _ in range(2):
            caller = await Caller(path=path, body=body, headers=(("x-api-key", KEY),)).on(bridge())
            assert (caller.status, caller.json()["error"]["type"]) == (403, "permission_error")
        assert not service.counter.recent


def test_a_key_without_limits_is_not_held_against_any() -> None:
    assert not ClientKey(1, "a").limits
    assert ClientKey(1, "a", limits=Limits(concurrent=1)).limits
