"""``make bench``: CPU ms per request of the bridge, and its ratio to the raw pass-through of the same run."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.bench.running import Failed, Reading, measure
from tests.bench.scenarios import BY_NAME, SCENARIOS
from tests.bench.servers import NotStarted

_HEAD = ("scenario", "requests", "limit ms", "CPU ms", "ratio", "least-most", "aim", "first delta ms (limit)", "p99")
_WIDTHS = (8, 8, 8, 8, 6, 11, 4, 22, 7)


def line(cells: tuple[str, ...]) -> str:
    first, *rest = (cell.rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
    return "  ".join([first.strip().ljust(_WIDTHS[0]), *rest])


def row(reading: Reading) -> str:
    """One line of the table. First deltas are told where no queue of our own making hides them."""
    first, p99 = "", ""
    if reading.first_ms is not None:
        first, p99 = f"{reading.first_ms:.2f} ({reading.limit_first_ms:.2f})", f"{reading.first_p99_ms:.2f}"
    return line(
        (
            reading.scenario,
            str(reading.requests),
            f"{reading.limit_ms:.3f}",
            f"{reading.target_ms:.3f}",
            f"{reading.ratio:.1f}x",
            f"{reading.spread[0]:.1f}-{reading.spread[1]:.1f}",
            f"{reading.aim:g}x" if reading.aim else "",
            first,
            p99,
        )
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    names = ", ".join(BY_NAME)
    parser.add_argument("--only", help=f"scenarios, with commas between: {names}")
    parser.add_argument("--requests", type=int, help="requests in one reading; the limit gets several times as many")
    parser.add_argument("--repeat", type=int, default=5, help="readings of each scenario; the median counts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the readings there too")
    parser.add_argument(
        "--target",
        metavar="COMMAND",
        help="another server to measure; it has PORT and OPENAI_BASE_URL in its environment, or {port} and {upstream} "
        "in the command itself",
    )
    parser.add_argument("--profile", metavar="SCENARIO", choices=sorted(BY_NAME), help="show where the time goes")
    given = parser.parse_args()
    given.scenarios = [BY_NAME[name] for name in given.only.split(",") if name in BY_NAME] if given.only else SCENARIOS
    if not given.scenarios or (given.only and len(given.scenarios) != len(given.only.split(","))):
        parser.error(f"--only takes of: {names}")
    if given.repeat < 1 or (given.requests is not None and given.requests < 1):
        parser.error("--repeat and --requests take numbers above 0")
    return given


def main() -> None:
    given = arguments()
    if given.profile:
        from tests.bench.profile import profile

        try:
            profile(given.profile, given.requests)
        except (Failed, NotStarted) as error:
            sys.exit(f"the profile stopped: {error}")
        return
    print(line(_HEAD), flush=True)
    readings: list[Reading] = []
    try:
        with tempfile.TemporaryDirectory() as place:
            for scenario in given.scenarios:
                folder = Path(place) / scenario.name
                readings.append(
                    measure(scenario, folder, requests=given.requests, repeat=given.repeat, target=given.target)
                )
                print(row(readings[-1]), flush=True)
    except (Failed, NotStarted) as error:
        sys.exit(f"the bench stopped: {error}")
    finally:
        if given.json:
            given.json.write_text(json.dumps([asdict(reading) for reading in readings], indent=2) + "\n")
    aims = ", ".join(f"{scenario.name} {scenario.target:g}x" for scenario in SCENARIOS if scenario.target)
    print(f"\nAims: at most {aims}. CPU is user and system time of the whole process tree; medians of {given.repeat}.")


if __name__ == "__main__":
    main()
