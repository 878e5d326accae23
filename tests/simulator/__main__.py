"""``python -m tests.simulator``: the simulator by hand."""

from __future__ import annotations

import argparse
import time

from tests.simulator.server import KEY, Simulator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9100)
    arguments = parser.parse_args()
    with Simulator(port=arguments.port) as simulator:
        print(f"OPENAI_BASE_URL={simulator.base_url} OPENAI_API_KEY={KEY}", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
