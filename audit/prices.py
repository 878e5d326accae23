"""What an answer cost, by the list prices that the genai-prices package keeps.

Invariants: a model without a known price costs nothing that we could name: None; prices are read once for each
model; nothing is fetched. Prices are those of the standard service tier.

Source: OpenAI's price list, as kept by genai-prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

# Some models cost more for a request above a size; none begins to below this one.
FLAT_BELOW = 100_000
_KINDS = ("fresh", "read", "written", "output")


def cost(model: str, tokens: Mapping[str, int]) -> float | None:
    """US dollars for ``tokens``: ``fresh`` (input that was not cached), ``read`` and ``written`` (the cache) and
    ``output``. None without a price for ``model``."""
    if sum(tokens.get(kind, 0) for kind in _KINDS[:3]) >= FLAT_BELOW:
        return _asked(model, *(tokens.get(kind, 0) for kind in _KINDS))
    rates = _rates(model)
    if rates is None:
        return None
    return sum(rate * tokens.get(kind, 0) for kind, rate in zip(_KINDS, rates, strict=True))


@lru_cache(256)
def _rates(model: str) -> tuple[float, ...] | None:
    """Dollars for one token of each kind."""
    size = 1000
    found = [_asked(model, *(size if one == kind else 0 for one in _KINDS)) for kind in _KINDS]
    return None if None in found else tuple(price / size for price in found if price is not None)


def _asked(model: str, fresh: int, read: int, written: int, output: int) -> float | None:
    from genai_prices import Usage, calc_price

    usage = Usage(
        input_tokens=fresh + read + written,
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=output,
    )
    try:
        return float(calc_price(usage, model, provider_id="openai").total_price)
    except LookupError:
        return None
