"""CPU seconds of a process and all it started, the ended ones included.

/proc/PID/stat counts in ticks of 10 ms, too coarse for a run of the limit, which may take 100 ms in all. The clock
of the process itself counts in nanoseconds and keeps what its ended threads used, so it is read for the living;
ended children are in their parent's stat, in ticks, from the moment the parent has waited for them.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_SCHEDULED = 2  # CPUCLOCK_SCHED: user and system time together


def cpu_seconds(root: int) -> float:
    """User and system seconds so far of ``root`` and its descendants; 0 when there is no such process."""
    own, parents = {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name in brackets may hold anything, blanks and brackets included.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(entry.name)
        parents[pid] = int(fields[1])
        living, ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        own[pid] = (living / _TICK, ended / _TICK)
    return sum(_precise(pid, own[pid][0]) + own[pid][1] for pid in _tree(root, parents))


def _tree(root: int, parents: dict[int, int]) -> set[int]:
    found: set[int] = set()
    new = {root} & parents.keys()
    while new:
        found |= new
        new = {pid for pid, parent in parents.items() if parent in new} - found
    return found


def _precise(pid: int, otherwise: float) -> float:
    """The process's own clock (the id is what clock_getcpuclockid makes of a pid)."""
    try:
        return time.clock_gettime((~pid << 3) | _SCHEDULED)
    except OSError:
        return otherwise
