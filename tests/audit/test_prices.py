"""Prices come from the kept table, or not at all."""

from __future__ import annotations

import pytest

from audit import prices


def test_a_model_without_a_price_has_none() -> None:
    assert prices.cost("a-local-model", {"fresh": 10}) is None
    assert prices.cost("a-local-model", {"fresh": 10_000_000}) is None


@pytest.mark.parametrize("model", ["gpt-6.1-sol", "gpt-6-luna", "gpt-5.1", "gpt-4o"])
def test_small_requests_cost_what_the_package_says(model: str) -> None:
    tokens = {"fresh": 700, "read": 200, "written": 0, "output": 500}
    assert prices.cost(model, tokens) == pytest.approx(prices._asked(model, 700, 200, 0, 500))


def test_a_request_that_is_large_is_priced_by_its_size() -> None:
    small = prices.cost("gpt-6.1-sol", {"fresh": 90_000}) or 0
    large = prices.cost("gpt-6.1-sol", {"fresh": 900_000}) or 0
    assert large > 10 * small


def test_no_tier_begins_below_the_size_up_to_which_prices_are_taken_as_flat() -> None:
    from genai_prices.data_snapshot import get_snapshot

    (openai,) = (one for one in get_snapshot().providers if one.id == "openai")
    for model in openai.models:
        for kind in ({"fresh": prices.FLAT_BELOW - 1}, {"output": prices.FLAT_BELOW - 1}):
            small = prices._asked(model.id, *(kind.get(name, 0) for name in prices._KINDS))
            if small is not None:
                assert prices.cost(model.id, kind) == pytest.approx(small), model.id
