"""``python -m tests.simulator``: the simulator by hand."""

from __future__ import annotations

import argparse
import time

from tests.simulator.script import SCENARIOS, Request, Turn, default_brain, play
from tests.simulator.server import KEY, Simulator


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=9100, help="0 for any free one")
    parser.add_argument("--key", default=KEY, help="the key that is accepted")
    parser.add_argument("--any-reasoning", action="store_true", help="take encrypted reasoning of any maker")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), help="played for every request")
    arguments = parser.parse_args()

    def brain(request: Request) -> Turn:
        if arguments.scenario:
            return play(SCENARIOS[arguments.scenario], request)
        return default_brain(request)

    simulator = Simulator(
        port=arguments.port, brain=brain, keys=(arguments.key,), own_reasoning=not arguments.any_reasoning
    )
    with simulator:
        print(f"OPENAI_BASE_URL={simulator.base_url} OPENAI_API_KEY={arguments.key}", flush=True)
        print("Write [[scenario:NAME]] in a message to choose an answer:", ", ".join(sorted(SCENARIOS)), flush=True)
        seen = refused = 0
        try:
            while True:
                time.sleep(0.2)
                for request in simulator.requests[seen:]:
                    print(f"{request['model']}, {len(request.get('tools') or [])} tools, {len(request['input'])} items")
                for error in simulator.refused[refused:]:
                    print(f"refused: {error.status} {error.message}")
                seen, refused = len(simulator.requests), len(simulator.refused)
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
