"""What each mode keeps of a payload."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit import redaction, shape
from audit.redaction import MODES, mask, mask_secrets, redact, spans

KEY = b"installation"
REQUEST: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 100,
    "system": "You help Ada.",
    "messages": [
        {"role": "user", "content": "mail ada@acme.io"},
        {
            "role": "assistant",
            "content": [
                {
                    "type": "tool_use",
                    "id": "toolu_1",
                    "name": "send",
                    "input": {"to": "ada@acme.io", "type": "urgent", "n": 3},
                }
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "sent"}]},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
            ],
        },
    ],
    "tools": [{"name": "send", "input_schema": {"type": "object", "properties": {"recipient": {"type": "string"}}}}],
    "metadata": {"user_id": "ada-17"},
}


def test_an_unknown_mode_is_full() -> None:
    assert redact(REQUEST, "everything", KEY) == redact(REQUEST, "full", KEY)
    assert MODES == ("full", "partial", "none")


@pytest.mark.parametrize("mode", ["full", "partial"])
def test_no_mode_but_none_keeps_an_address_anywhere(mode: str) -> None:
    assert "ada@acme.io" not in json.dumps(redact(REQUEST, mode, KEY))


def test_full_keeps_the_shape_and_the_protocols_words() -> None:
    told, _ = redact(REQUEST, "full", KEY)
    assert (told["model"], told["max_tokens"]) == ("claude-sonnet-5", 100)
    assert [one["role"] for one in told["messages"]] == ["user", "assistant", "user"]
    assert told["messages"][1]["content"][0]["name"] == "send"
    assert told["messages"][2]["content"][1]["source"]["media_type"] == "image/png"
    assert told["messages"][0]["content"].startswith("<16 chars, ")


@pytest.mark.parametrize("word", ["urgent", "recipient", "ada-17", "object", "sent", "Ada"])
def test_full_keeps_nothing_below_arguments_results_schemas_and_metadata(word: str) -> None:
    assert word not in json.dumps(redact({**REQUEST, "tools": REQUEST["tools"]}, "full", KEY))


def test_full_hides_numbers_of_arguments_by_their_type() -> None:
    told, _ = redact({"type": "tool_use", "name": "f", "input": {"a": 7, "b": 1.5, "c": True, "d": None}}, "full", KEY)
    assert sorted(str(one) for one in told["input"].values()) == ["<bool>", "<float>", "<int>", "None"]


def test_full_hides_unknown_keys() -> None:
    told, _ = redact({"alice@acme.io": 1}, "full", KEY)
    assert next(iter(told)).startswith("key_")


def test_a_protocols_place_with_a_key_in_it_is_hidden() -> None:
    told, _ = redact({"model": "sk-proj-" + "a1B2" * 10, "role": "a b"}, "full", KEY)
    assert told["model"].startswith("<48 chars") and told["role"].startswith("<3 chars")


@pytest.mark.parametrize("said", ["4111-1111-1111-1111", "203.0.113.77", "555-123-4567"])
def test_a_protocols_place_with_somebodys_number_in_it_is_hidden(said: str) -> None:
    told, _ = redact(
        {"model": said, "tools": [{"name": said}], "tool_choice": {"type": "tool", "name": said}}, "full", KEY
    )
    assert said not in str(told)
    assert told["tool_choice"]["type"] == "tool"


def test_very_many_keys_that_are_masked_alike_are_told_apart_in_short() -> None:
    told, _ = redact({"input": {f"user{at}@example.org": at for at in range(300)}}, "partial", KEY)
    keys = list(told["input"])
    assert keys[:3] == ["[email]", "[email]_2", "[email]_3"]
    assert len(set(keys)) == 300
    assert max(map(len, keys)) < 12


def test_equal_contents_have_equal_hashes_of_one_installation_only() -> None:
    one, other = redact(["x", "x"], "full", KEY)[0], redact(["x", "x"], "full", b"other")[0]
    assert one[0] == one[1] and one != other


def test_a_call_whose_input_is_a_list_is_content() -> None:
    told, _ = redact({"type": "tool_use", "input": [{"type": "canary", "role": "canary"}]}, "full", KEY)
    assert "canary" not in json.dumps(told)


def test_the_items_of_a_response_are_structure_and_their_outputs_content() -> None:
    told, _ = redact({"output": [{"type": "message", "role": "assistant"}], "object": "response"}, "full", KEY)
    assert told["output"][0] == {"type": "message", "role": "assistant"}
    told, _ = redact({"input": [{"type": "function_call_output", "output": [{"type": "canary"}]}]}, "full", KEY)
    assert "canary" not in json.dumps(told)


@pytest.mark.parametrize(
    "name", ["api_key", "API-Key", " password ", "Authorization", "session", "apiKey", "set-cookie"]
)
@pytest.mark.parametrize("value", ["x", 7, True, ["x"], {"a": "x"}])
def test_partial_masks_what_stands_under_a_sensitive_key_whatever_it_is(name: str, value: Any) -> None:
    told, counts = redact({name: value}, "partial", KEY)
    assert list(told.values()) == ["[secret]"] and counts["sensitive_key"] == 1


def test_partial_keeps_other_text_and_counts_by_rule() -> None:
    told, counts = redact({"text": "mail ada@acme.io and bob@acme.io"}, "partial", KEY)
    assert told == {"text": "mail [email] and [email]"} and counts == {"email": 2}


def test_partial_masks_arguments_that_are_json_in_a_string() -> None:
    told, _ = redact({"arguments": '{"password": "hunter2", "n": 1}'}, "partial", KEY)
    assert told == {"arguments": '{"password": "[secret]", "n": 1}'}


def test_partial_masks_keys_and_numbers_too() -> None:
    told, _ = redact({"ada@acme.io": 4111111111111111}, "partial", KEY)
    assert told == {"[email]": "[card]"}


@pytest.mark.parametrize("mode", ["partial", "none"])
@pytest.mark.parametrize(
    "block",
    [
        {"type": "base64", "media_type": "image/png", "data": "AAAA"},
        {"type": "reasoning", "encrypted_content": "AAAA"},
        {"type": "thinking", "signature": "AAAA"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
    ],
)
def test_binary_data_are_told_by_their_length_in_every_mode(mode: str, block: dict[str, str]) -> None:
    told, counts = redact(block, mode, KEY)
    assert "AAAA" not in json.dumps(told) and counts == {"binary": 1}


def test_none_keeps_the_rest() -> None:
    payload = {"messages": [{"role": "user", "content": "mail ada@acme.io"}] * 300}
    assert redact(payload, "none", KEY) == (payload, {})


@pytest.mark.parametrize("mode", MODES)
def test_a_tree_without_end_is_cut(mode: str) -> None:
    deep: list[Any] = []
    deep.append(deep)
    _, counts = redact(deep, mode, KEY)
    assert counts["cut_depth"] == 1
    _, counts = redact([[0] * 190] * 190, mode, KEY)
    assert counts["cut_nodes"] >= 1


def test_long_lists_and_texts_are_cut_and_told() -> None:
    told, counts = redact(["x"] * 205, "partial", KEY)
    assert told[-1] == "and 5 more" and counts["cut_entries"] == 1
    text, counts = redact("a " * 60_000, "partial", KEY)
    assert text.endswith(" ... and 20000 more characters") and counts == {"cut_text": 1}


def test_what_stands_across_the_cut_is_masked() -> None:
    text, _ = redact("a " * 49_990 + "password: hunter2hunter2hunter2hunter2", "partial", KEY)
    assert "hunter" not in text


def test_a_failure_of_partial_falls_back_to_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any) -> Any:
        raise RuntimeError("broken rule")

    monkeypatch.setattr(redaction, "mask_cut", fails)
    told, counts = redact(REQUEST, "partial", KEY)
    assert told == redact(REQUEST, "full", KEY)[0] and counts["redaction_failed"] == 1


def test_what_is_no_json_is_told_by_its_type() -> None:
    for mode in MODES:
        assert redact({"type": b"canary"}, mode, KEY)[0] == {"type": "<bytes>"}


def test_masking_tells_kinds_and_counts() -> None:
    assert mask("to ada@acme.io") == ("to [email]", {"email": 1})
    assert spans("to ada@acme.io") == [(3, 14, "email")]
    assert mask("nothing here") == ("nothing here", {})


def test_the_masking_of_logs_leaves_personal_data() -> None:
    assert mask_secrets("ada@acme.io password=hunter2x") == "ada@acme.io password=[secret]"


def test_a_place_below_content_is_content() -> None:
    place = shape.inside({"arguments": {}}, "arguments", {}, shape.ROOT)
    assert not shape.inside({"type": "x"}, "type", "x", place).protocol


def test_a_text_that_is_nothing_but_what_a_rule_looks_for_is_masked_to_its_end() -> None:
    text = "password: hunter2 " * 8000
    masked, counts = mask(text)
    assert "hunter2" not in masked and sum(counts.values()) < 8000


def test_what_holds_nothing_to_mask_is_read_once_and_what_does_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = redaction.mask_cut

    def mask_cut(text: str, limit: int) -> tuple[str, dict[str, int]]:
        read.append(text)
        return real(text, limit)

    monkeypatch.setattr(redaction, "mask_cut", mask_cut)
    monkeypatch.setattr(redaction, "_clean", set())
    monkeypatch.setattr(redaction, "MAX_CLEAN", 4)
    turn = {"content": ["nothing here", "mail ann@corp.dev"]}
    first = redact(turn, "partial", b"k")
    assert redact(turn, "partial", b"k") == first
    assert (read.count("nothing here"), read.count("mail ann@corp.dev")) == (1, 2)
    for at in range(20):
        redact([f"text {at}"], "partial", b"k")
    assert len(redaction._clean) <= 4


def test_half_a_character_keeps_nothing_from_being_found() -> None:
    assert mask("\ud800 mail ann@corp.dev \udfff")[0] == "\ud800 mail [email] \udfff"
