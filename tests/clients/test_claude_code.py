"""Claude Code itself, from npm, on the bridge: it writes, reads and runs files, resumes, compacts and recovers."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.clients.node_clients import CLAUDE, needs_claude
from tests.live import Bridge
from tests.simulator.script import Call, Reasoning, Request, Text, Turn, default_brain, error_turn
from tests.simulator.server import Simulator

pytestmark = needs_claude


class Job:
    """A folder to work in and a Claude Code that uses the bridge."""

    def __init__(self, folder: Path, bridge: Bridge) -> None:
        self.work = folder / "work"
        self.work.mkdir()
        self.home = folder / "home"
        self.home.mkdir()
        self.bridge = bridge

    def run(self, prompt: str, *options: str, model: str = "claude-opus-5-5", **variables: str) -> list[dict[str, Any]]:
        """Run one prompt without a terminal; the messages of its JSON stream."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "ANTHROPIC_BASE_URL": self.bridge.base_url,
            "ANTHROPIC_AUTH_TOKEN": "any",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "IS_SANDBOX": "1",
            **variables,
        }
        environment = {name: value for name, value in environment.items() if value}
        command = [
            str(CLAUDE),
            "-p",
            prompt,
            "--output-format",
            "stream-json",
            "--verbose",
            "--include-partial-messages",
            "--model",
            model,
            "--allowedTools",
            "Write,Read,Bash,Edit",
            "--permission-mode",
            "acceptEdits",
            *options,
        ]
        done = subprocess.run(
            command,
            cwd=self.work,
            env=environment,
            capture_output=True,
            timeout=150,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        lines = [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith("{")]
        assert lines, done.stderr.decode()[-2000:]
        return lines


@pytest.fixture
def job(tmp_path: Path, live_bridge: Bridge) -> Job:
    return Job(tmp_path, live_bridge)


def result_of(lines: list[dict[str, Any]]) -> dict[str, Any]:
    results = [line for line in lines if line["type"] == "result"]
    assert results, lines[-3:]
    return results[-1]


def is_agent(request: Request) -> bool:
    """The agent's own requests have its tools; titles and the like have none."""
    return any(tool.get("name") == "Bash" for tool in request.get("tools") or [])


def outputs(request: Request) -> list[str]:
    return [str(item["output"]) for item in request["input"] if item.get("type") == "function_call_output"]


def file_job(work: Path) -> Any:
    """Write a file, read it, run a command on it, report; with thinking and parallel calls."""
    path = str(work / "hello.txt")

    def brain(request: Request) -> Turn:
        if not is_agent(request):
            return default_brain(request)
        done = len(outputs(request))
        if done == 0:
            arguments = json.dumps({"file_path": path, "content": "hello from the model\n"})
            return Turn(
                (Reasoning(("I will write the file.",)), Text("Writing.", "commentary"), Call("Write", arguments))
            )
        if done == 1:
            read = json.dumps({"file_path": path, "offset": None, "limit": None, "pages": ""})
            run = json.dumps({"command": f"wc -c < {path}", "description": "Count bytes"})
            return Turn((Reasoning(), Call("Read", read), Call("Bash", run)))
        return Turn((Text("The file is written.", "final_answer"),))

    return brain


def test_a_job_writes_reads_and_runs_with_thinking_on(job: Job, simulator: Simulator) -> None:
    simulator.brain = file_job(job.work)
    lines = job.run("Make hello.txt")
    assert result_of(lines)["result"] == "The file is written."
    assert result_of(lines)["is_error"] is False
    assert (job.work / "hello.txt").read_text() == "hello from the model\n"
    last = [request for request in simulator.requests if is_agent(request)][-1]
    assert outputs(last)[2].strip() == "21"
    assert "hello from the model" in outputs(last)[1]
    assert sum(item.get("type") == "reasoning" for item in last["input"]) == 2
    assert simulator.refused == []
    prefixes = [request["input"] for request in simulator.requests if is_agent(request)]
    for before, after in itertools.pairwise(prefixes):
        assert after[: len(before)] == before, "the prompt cache's prefix broke"


def test_a_conversation_resumes(job: Job, simulator: Simulator) -> None:
    session = str(uuid.uuid4())
    simulator.brain = file_job(job.work)
    job.run("Make hello.txt", "--session-id", session)
    simulator.reset()
    simulator.brain = lambda request: Turn((Text("I remember."),)) if is_agent(request) else default_brain(request)
    lines = job.run("What did you do?", "--resume", session)
    assert result_of(lines)["result"] == "I remember."
    history = simulator.requests[-1]["input"]
    assert [item["type"] for item in history].count("function_call") == 3
    assert simulator.requests[-1]["prompt_cache_key"] == session
    assert simulator.refused == []


def test_an_overflow_is_compacted_and_the_work_goes_on(job: Job, simulator: Simulator) -> None:
    session = str(uuid.uuid4())
    simulator.brain = file_job(job.work)
    job.run("Make hello.txt", "--session-id", session)
    simulator.reset()
    compacted = {"asked": False}

    def brain(request: Request) -> Turn:
        text = json.dumps(request["input"][-1])
        if "TEXT ONLY" in text:
            compacted["asked"] = True
            return Turn((Text("<analysis>short</analysis><summary>The file was made.</summary>"),))
        if not is_agent(request):
            return default_brain(request)
        if not compacted["asked"]:
            return error_turn(400, "context_length_exceeded", "Your input exceeds the context window of this model.")
        return Turn((Text("Going on."),))

    simulator.brain = brain
    lines = job.run("And now?", "--resume", session)
    assert compacted["asked"]
    assert result_of(lines)["result"] == "Going on."
    assert simulator.refused == []


def test_a_rate_limit_is_survived(job: Job, simulator: Simulator) -> None:
    limited = error_turn(429, "rate_limit_exceeded", "Rate limit reached.", retry_after="1")
    simulator.queue(limited, limited, limited, limited)
    lines = job.run("Say something")
    assert result_of(lines)["is_error"] is False
    assert len(simulator.requests) >= 5


def test_a_cut_stream_is_survived(job: Job, simulator: Simulator) -> None:
    simulator.queue(Turn((Text("This is the beginning of a long answer"),), ending="eof"))
    lines = job.run("Say something")
    assert result_of(lines)["is_error"] is False
    assert "You said" in result_of(lines)["result"]


def test_its_discovery_finds_the_models_of_the_bridge(job: Job) -> None:
    job.run("Hi", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="", CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY="1")
    (cached,) = job.home.rglob("gateway-models.json")
    kept = cached.read_text()
    for name, shown in (("claude-opus-5-5", "Claude Opus 5.5"), ("claude-haiku-4-5", "Claude Haiku 4.5")):
        assert name in kept
        assert shown in kept
