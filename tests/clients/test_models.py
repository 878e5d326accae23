"""The Models API of a live bridge, as the Anthropic SDK and Claude Code's model discovery use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest

from tests.live import Bridge

MODEL = "claude-opus-5-5"
# What Claude Code 2.1.330 sends when it looks for a gateway's models at its start.
DISCOVERY = {"user-agent": "claude-code/2.1.330", "authorization": "Bearer any", "anthropic-version": "2023-06-01"}


@pytest.fixture
def client(live_bridge: Bridge) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=live_bridge.base_url, api_key="any", max_retries=0, _strict_response_validation=True
    ) as made:
        yield made


@pytest.fixture(params=["stable", "beta"])
def models(client: anthropic.Anthropic, request: pytest.FixtureRequest) -> Any:
    """The SDK's two ways to the same models."""
    return client.models if request.param == "stable" else client.beta.models


NAMES = ["claude-none-9", "claude-none/9", "claude none"]


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_model_is_the_sdks_not_found_although_the_default_would_serve_it(models: Any, name: str) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        models.retrieve(name)
    assert caught.value.body["error"] == {"type": "not_found_error", "message": f"model: {name}"}  # type: ignore[index]
    assert caught.value.request_id == caught.value.body["request_id"]  # type: ignore[index]
    assert caught.value.request_id.startswith("req_")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"after_id": "claude-none-9"}, "after_id"),
        ({"before_id": "claude-none-9"}, "before_id"),
        ({"lifecycle": ["old"]}, "lifecycle"),
    ],
)
def test_a_wrong_parameter_is_the_sdks_bad_request(models: Any, query: dict[str, Any], parameter: str) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        models.list(**query)
    message = caught.value.body["error"]["message"]
    assert message.startswith(parameter)
    assert "none-9" not in message
    assert "old" not in message


def test_a_model_is_retrieved_with_what_may_be_expected_of_it(models: Any) -> None:
    model = models.retrieve(MODEL)
    assert (model.id, model.type, model.lifecycle, model.line) == (MODEL, "model", "active", "opus")
    assert model.display_name == "Claude Opus 5.5"
    assert model.created_at.utcoffset().total_seconds() == 0
    assert model.max_input_tokens > 100_000
    assert model.capabilities.effort.high.supported
    assert model.capabilities.thinking.types.adaptive.supported
    assert not model.capabilities.context_management.supported


@pytest.mark.parametrize("name", [f"{MODEL}[1m]", MODEL.upper(), f" {MODEL} "])
def test_a_model_is_retrieved_by_a_name_that_clients_write(models: Any, name: str) -> None:
    assert models.retrieve(name).id == MODEL


@pytest.mark.parametrize("limit", [1, 7, 20, 1000])
def test_the_list_is_walked_to_its_end(models: Any, limit: int) -> None:
    everything = models.list(limit=1000)
    assert everything.has_more is False
    names = [model.id for model in everything.data]
    assert MODEL in names
    assert [model.id for model in models.list(limit=limit)] == names
    assert len(names) == len(set(names))


def test_the_list_is_walked_backwards(models: Any) -> None:
    names = [model.id for model in models.list(limit=1000)]
    met = [model.id for part in models.list(before_id=names[-1], limit=4).iter_pages() for model in reversed(part.data)]
    assert met == list(reversed(names[:-1]))


def test_every_listed_model_is_retrieved_alike(models: Any) -> None:
    for model in models.list(limit=1000):
        assert models.retrieve(model.id) == model


def test_the_list_is_filtered_by_lifecycle(models: Any) -> None:
    assert {model.lifecycle for model in models.list(lifecycle=["active"], limit=1000)} == {"active"}
    assert models.list(lifecycle=["retired"]).data == []


async def test_the_async_client_walks_the_list(live_bridge: Bridge) -> None:
    async with anthropic.AsyncAnthropic(
        base_url=live_bridge.base_url, api_key="any", max_retries=0, _strict_response_validation=True
    ) as client:
        names = [model.id async for model in client.models.list(limit=5)]
    assert MODEL in names
    assert len(names) == len(set(names)) > 5


def test_claude_codes_discovery_finds_claude_names(live_bridge: Bridge) -> None:
    answer = httpx.get(f"{live_bridge.base_url}/v1/models?limit=1000", headers=DISCOVERY, timeout=3)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    found = answer.json()["data"]
    # It keeps these only, and shows them by ``display_name``.
    kept = [model for model in found if "claude" in model["id"] or "anthropic" in model["id"]]
    assert MODEL in [model["id"] for model in kept]
    assert all(model["display_name"] for model in kept)
