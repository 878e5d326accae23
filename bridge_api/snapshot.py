"""What operators have decided, as the API reads it: one immutable whole.

Invariants: pure; a request reads one snapshot from its beginning to its end, so that it never sees half of a change;
``revision`` is another number for another content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge_api.capabilities import Table
from bridge_api.keys import ClientKey
from bridge_api.mapping import ModelMap


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``keys`` by the hash of the key."""

    models: ModelMap = field(default_factory=ModelMap)
    capabilities: Table = field(default_factory=Table)
    keys: Mapping[str, ClientKey] = field(default_factory=dict)
    revision: int = 0
