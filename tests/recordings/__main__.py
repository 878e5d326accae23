"""``make recordings``: run every recorded stream below a folder through the translation.

Prints a line for each failure and ``N streams, N failed`` at the end; exits 1 when any failed. PARTITIONS in the
environment says in how many random ways each stream's bytes are split (3).
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from tests.recordings.check import check, load, recordings_dir


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments and arguments[0] else recordings_dir()
    if not folder.is_dir():
        print(f"No such folder: {folder}")
        return 2
    streams = failed = 0
    partitions = int(os.environ.get("PARTITIONS") or 3)
    for recording in load(folder):
        streams += 1
        try:
            check(recording, partitions=partitions)
        except Exception as error:
            failed += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            print(
                f"FAILED {recording.name}: {type(error).__name__}: {reason} ({Path(where.filename).name}:{where.lineno})"
            )
    print(f"{streams} streams, {failed} failed")
    return 1 if failed or not streams else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
