"""Names and ids that fit the upstream, and back."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from bridge_api.translation.names import NameMap, upstream_call_id

FITS = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@given(st.lists(st.text(min_size=1, max_size=120), max_size=8, unique=True))
def test_every_name_fits_and_comes_back(names: list[str]) -> None:
    known = NameMap(names)
    mapped = [known.upstream(name) for name in names]
    assert all(FITS.fullmatch(name) for name in mapped)
    assert len(set(mapped)) == len(names)
    assert [known.client(name) for name in mapped] == names


def test_a_name_that_fits_is_itself_and_order_does_not_matter() -> None:
    long = "mcp__server__" + "x" * 100
    assert NameMap(["Bash"]).upstream("Bash") == "Bash"
    assert NameMap([long, "b"]).upstream(long) == NameMap(["b", long]).upstream(long)
    assert NameMap().upstream(long) == NameMap([long]).upstream(long)


def test_a_client_name_that_looks_mapped_is_kept_apart() -> None:
    long = "x" * 100
    mapped = NameMap([long]).upstream(long)
    both = NameMap([long, mapped])
    assert both.upstream(mapped) == mapped
    assert both.upstream(long) != mapped
    assert both.client(both.upstream(long)) == long


def test_unknown_names_pass() -> None:
    assert NameMap().client("whatever") == "whatever"


@given(st.text(max_size=100))
def test_every_call_id_fits(tool_use_id: str) -> None:
    mapped = upstream_call_id(tool_use_id)
    assert FITS.fullmatch(mapped)
    assert upstream_call_id(tool_use_id) == mapped
    if FITS.fullmatch(tool_use_id):
        assert mapped == tool_use_id
