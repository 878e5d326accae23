"""The Anthropic Python SDK against a live bridge."""

from __future__ import annotations

from collections.abc import Iterator

import anthropic
import pytest
from pydantic import BaseModel

from tests.live import Bridge
from tests.simulator.script import (
    Call,
    Reasoning,
    Refusal,
    Request,
    Search,
    Text,
    Turn,
    error_turn,
    outputs_after_last_user,
)
from tests.simulator.server import Simulator

MODEL = "claude-opus-5-5"
HELLO = [{"role": "user", "content": "Say hello"}]


@pytest.fixture
def client(live_bridge: Bridge) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=live_bridge.base_url, api_key="any", max_retries=0, _strict_response_validation=True
    ) as made:
        yield made


def test_an_upstream_error_is_the_sdks_own_exception(client: anthropic.Anthropic, simulator: Simulator) -> None:
    simulator.queue(error_turn(400, "unsupported_parameter", "Unsupported parameter: 'x'."))
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(model=MODEL, max_tokens=100, messages=HELLO)
    error = caught.value.body["error"]
    assert error["type"] == "invalid_request_error"
    assert error["openai"]["error"]["code"] == "unsupported_parameter"
    assert caught.value.request_id.startswith("req_")
    assert caught.value.body["request_id"] == caught.value.request_id


@pytest.mark.parametrize(
    ("status", "code", "exception"),
    [
        (401, "invalid_api_key", anthropic.AuthenticationError),
        (404, "model_not_found", anthropic.NotFoundError),
        (429, "insufficient_quota", anthropic.APIStatusError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_early_failure_keeps_its_status_in_a_stream_too(
    client: anthropic.Anthropic, simulator: Simulator, status: int, code: str, exception: type[Exception], stream: bool
) -> None:
    simulator.queue(error_turn(status, code))
    with pytest.raises(exception) as caught:
        client.messages.create(model=MODEL, max_tokens=100, messages=HELLO, stream=stream)
    assert caught.value.status_code == {429: 402}.get(status, status)
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_a_message_has_every_field(client: anthropic.Anthropic, simulator: Simulator) -> None:
    simulator.queue(Turn((Text("Hello there."),), input_tokens=33))
    message = client.messages.create(model=MODEL, max_tokens=100, messages=HELLO)
    assert message.content[0].text == "Hello there."
    assert (message.model, message.role, message.type) == (MODEL, "assistant", "message")
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message.usage.input_tokens == 33
    assert message.usage.service_tier == "standard"
    assert message._request_id.startswith("req_")


def test_a_stream_accumulates_to_the_same_message(client: anthropic.Anthropic, simulator: Simulator) -> None:
    turn = Turn((Reasoning(("First.", "Second.")), Text("Hello."), Call("f", '{"a":1}')))
    tools = [{"name": "f", "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}]
    arguments = {
        "model": MODEL,
        "max_tokens": 100,
        "messages": HELLO,
        "tools": tools,
        "thinking": {"type": "adaptive", "display": "summarized"},
    }
    simulator.queue(turn, turn)
    whole = client.messages.create(**arguments)
    with client.messages.stream(**arguments) as stream:
        text = "".join(stream.text_stream)
        streamed = stream.get_final_message()
    assert text == "Hello."
    assert [block.type for block in streamed.content] == ["thinking", "text", "tool_use"]
    assert streamed.content[0].thinking == "First.\n\nSecond."
    assert streamed.content[1].text == whole.content[1].text
    assert streamed.content[2].input == whole.content[2].input == {"a": 1}
    assert streamed.stop_reason == whole.stop_reason == "tool_use"
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert streamed.usage.output_tokens_details.thinking_tokens == 64


def test_reasoning_comes_back_upstream_in_its_place(client: anthropic.Anthropic, simulator: Simulator) -> None:
    tools = [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    simulator.queue(Turn((Reasoning(("Because.",)), Call("f", "{}"))), Turn((Text("Done."),)))
    asked = {"model": MODEL, "max_tokens": 100, "tools": tools, "thinking": {"type": "adaptive"}}
    first = client.messages.create(messages=HELLO, **asked)
    use = first.content[-1]
    history = [
        *HELLO,
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": ""}]},
    ]
    client.messages.create(messages=history, **asked)
    before, after = simulator.requests
    assert after["input"][: len(before["input"])] == before["input"]
    kinds = [item["type"] for item in after["input"]]
    assert kinds == ["message", "reasoning", "function_call", "function_call_output"]
    assert after["input"][1]["summary"] == [{"type": "summary_text", "text": "Because."}]
    assert after["input"][3]["output"] == "(no output)"
    assert simulator.refused == []


def test_structured_output_parses(client: anthropic.Anthropic, simulator: Simulator) -> None:
    class Answer(BaseModel):
        name: str
        age: int
        nick: str | None = None

    parsed = client.messages.parse(model=MODEL, max_tokens=100, messages=HELLO, output_format=Answer)
    assert parsed.parsed_output == Answer(name="text", age=7, nick=parsed.parsed_output.nick)
    assert simulator.requests[0]["text"]["format"]["strict"] is True


def test_the_tool_runner_works_without_threads(client: anthropic.Anthropic, simulator: Simulator) -> None:
    @anthropic.beta_tool
    def add(a: int, b: int) -> str:
        """Add two numbers.

        Args:
            a: first
            b: second
        """
        return str(a + b)

    def brain(request: Request) -> Turn:
        done = outputs_after_last_user(request)
        return Turn((Text(f"It is {done[0]['output']}."),)) if done else Turn((Call("add", '{"a":2,"b":3}'),))

    simulator.brain = brain
    runner = client.beta.messages.tool_runner(model=MODEL, max_tokens=100, messages=HELLO, tools=[add])
    assert runner.until_done().content[0].text == "It is 5."


def test_a_stop_sequence_ends_the_answer(client: anthropic.Anthropic, simulator: Simulator) -> None:
    for step in (1, 3, 50):
        simulator.queue(Turn((Text("one two STOP three"), Call("f", '{"a": "STOP"}')), step=step))
        message = client.messages.create(model=MODEL, max_tokens=100, messages=HELLO, stop_sequences=["STOP", "zzz"])
        assert message.content[0].text == "one two "
        assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "STOP")
        assert len(message.content) == 1


def test_a_web_search_has_results_and_citations(client: anthropic.Anthropic, simulator: Simulator) -> None:
    simulator.queue(
        Turn(
            (
                Search("weather", ("https://a.example/x", "https://bad.example/")),
                Text("Sunny today.", citations=(("https://a.example/x", "A"),)),
            )
        )
    )
    with client.messages.stream(
        model=MODEL,
        max_tokens=100,
        messages=HELLO,
        tools=[{"type": "web_search_20250305", "name": "web_search", "blocked_domains": ["bad.example"]}],
    ) as stream:
        message = stream.get_final_message()
    use, result, text = message.content
    assert (use.type, use.name, use.input) == ("server_tool_use", "web_search", {"query": "weather"})
    assert [entry.url for entry in result.content] == ["https://a.example/x"]
    assert text.citations[0].url == "https://a.example/x"
    assert message.usage.server_tool_use.web_search_requests == 1


def test_a_refusal_is_told(client: anthropic.Anthropic, simulator: Simulator) -> None:
    simulator.queue(Turn((Refusal("I can't help with that."),)))
    message = client.messages.create(model=MODEL, max_tokens=100, messages=HELLO)
    assert message.stop_reason == "refusal"
    assert message.stop_details.explanation == "I can't help with that."


def test_a_cut_stream_is_an_error_and_never_an_answer(client: anthropic.Anthropic, simulator: Simulator) -> None:
    cut = Turn((Text("This will be cut."),), ending="eof")
    simulator.queue(cut)
    with pytest.raises(anthropic.APIStatusError):
        with client.messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
            stream.get_final_message()
    simulator.queue(cut, cut, cut)
    with pytest.raises(anthropic.InternalServerError):
        client.messages.create(model=MODEL, max_tokens=100, messages=HELLO)


def test_tokens_are_counted(client: anthropic.Anthropic) -> None:
    counted = client.messages.count_tokens(model=MODEL, messages=HELLO)
    assert counted.input_tokens == 8
    more = client.messages.count_tokens(model=MODEL, messages=HELLO, system="Be brief.")
    assert more.input_tokens > counted.input_tokens


async def test_the_async_client_streams_beside_others(live_bridge: Bridge, simulator: Simulator) -> None:
    import asyncio

    async with anthropic.AsyncAnthropic(base_url=live_bridge.base_url, api_key="any", max_retries=0) as client:

        async def one() -> str:
            async with client.messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
                return (await stream.get_final_message()).content[0].text

        answers = await asyncio.gather(*(one() for _ in range(20)))
    assert answers == ["You said: Say hello"] * 20
