"""Checks a request body against the types of the ``openai`` package, extra keys forbidden everywhere.

Independent of the bridge: it reads the package's own annotations.
"""

from __future__ import annotations

import collections.abc
import types
import typing
from functools import cache
from typing import Any, Literal, Union

import typing_extensions
from openai.types.responses.input_token_count_params import InputTokenCountParams
from openai.types.responses.response_create_params import ResponseCreateParamsBase


class TypeFault(Exception):
    """``path`` of the fault, ``what`` is wrong, ``depth`` how far in it was found."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path, self.what = path, what


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing_extensions.get_type_hints(cls, include_extras=True)


@cache
def _required(cls: Any) -> frozenset[str]:
    """The required keys of a TypedDict. Its own ``__required_keys__`` is empty where its module postpones
    annotations, so that they are read from the hints."""
    found = set(cls.__required_keys__)
    for name, kind in _hints(cls).items():
        if typing_extensions.get_origin(kind) is typing_extensions.Required:
            found.add(name)
        elif typing_extensions.get_origin(kind) is typing_extensions.NotRequired:
            found.discard(name)
    return frozenset(found)


def _bare(kind: Any) -> Any:
    while typing_extensions.get_origin(kind) in (
        typing_extensions.Required,
        typing_extensions.NotRequired,
        typing_extensions.Annotated,
    ):
        kind = typing_extensions.get_args(kind)[0]
    return kind


def check(value: Any, kind: Any, path: str) -> None:
    """Raise TypeFault where ``value`` is not of ``kind``."""
    kind = _bare(kind)
    if kind is Any or kind is object:
        return
    if typing_extensions.is_typeddict(kind):
        _typed_dict(value, kind, path)
        return
    origin, arguments = typing_extensions.get_origin(kind), typing_extensions.get_args(kind)
    if origin is Literal:
        if value not in arguments:
            raise TypeFault(path, f"Invalid value. Supported values are: {', '.join(map(repr, arguments))}.")
    elif origin in (Union, types.UnionType):
        _union(value, arguments, path)
    elif origin in (list, collections.abc.Iterable, collections.abc.Sequence) or "SequenceNotStr" in str(origin):
        if not isinstance(value, list):
            raise TypeFault(path, "Invalid type: expected an array")
        for at, inner in enumerate(value):
            check(inner, arguments[0], f"{path}[{at}]")
    elif origin in (dict, collections.abc.Mapping):
        if not isinstance(value, dict):
            raise TypeFault(path, "Invalid type: expected an object")
        for name, inner in value.items():
            check(inner, arguments[1], f"{path}.{name}")
    else:
        _plain(value, kind, path)


def _plain(value: Any, kind: Any, path: str) -> None:
    if kind is None or kind is type(None):
        good = value is None
    elif kind is bool:
        good = isinstance(value, bool)
    elif kind is int:
        good = isinstance(value, int) and not isinstance(value, bool)
    elif kind is float:
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
    elif kind is str:
        good = isinstance(value, str)
    else:
        good = True
    if not good:
        raise TypeFault(path, f"Invalid type: expected {getattr(kind, '__name__', kind)}, got {type(value).__name__}")


def _typed_dict(value: Any, kind: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise TypeFault(path, "Invalid type: expected an object")
    hints = _hints(kind)
    for name in sorted(_required(kind)):
        if name not in value:
            raise TypeFault(f"{path}.{name}".strip("."), "Missing required parameter")
    for name, inner in value.items():
        if name not in hints:
            raise TypeFault(f"{path}.{name}".strip("."), "Unknown parameter")
        check(inner, hints[name], f"{path}.{name}".strip("."))


def _union(value: Any, members: tuple[Any, ...], path: str) -> None:
    faults: list[TypeFault] = []
    candidates = _candidates(value, members)
    dicts = [member for member in candidates if typing_extensions.is_typeddict(member)]
    if dicts and isinstance(value, dict) and not any(_literals_fit(value, member) for member in dicts):
        _tell_kind(value, dicts, path)
    for member in candidates:
        try:
            check(value, member, path)
            return
        except TypeFault as fault:
            faults.append(fault)
    if not faults:
        raise TypeFault(path, "Invalid value")
    raise max(faults, key=lambda fault: len(fault.path))


def _tell_kind(value: dict[str, Any], members: list[Any], path: str) -> None:
    """Raise what is wrong with a ``type`` or ``role`` that no member of a union has."""
    for name in ("type", "role"):
        known: set[Any] = set()
        for member in members:
            kind = _bare(_hints(member).get(name))
            known |= set(typing_extensions.get_args(kind)) if typing_extensions.get_origin(kind) is Literal else set()
        if name in value and known and value[name] not in known:
            listed = ", ".join(repr(one) for one in sorted(known, key=str))
            where = path if name == "type" else f"{path}.{name}"
            raise TypeFault(where, f"Invalid value: {value[name]!r}. Supported values are: {listed}.")


def _candidates(value: Any, members: tuple[Any, ...]) -> list[Any]:
    """Members of a union that may be meant: those whose ``type`` (and ``role``) literals fit, if any do."""
    flat: list[Any] = []
    for member in map(_bare, members):
        if typing_extensions.get_origin(member) in (Union, types.UnionType):
            flat += [_bare(inner) for inner in typing_extensions.get_args(member)]
        else:
            flat.append(member)
    if not isinstance(value, dict):
        return flat
    dicts = [member for member in flat if typing_extensions.is_typeddict(member)]
    fitting = [member for member in dicts if _literals_fit(value, member)]
    others = [member for member in flat if not typing_extensions.is_typeddict(member)]
    return (fitting or dicts) + others


def _literals_fit(value: dict[str, Any], member: Any) -> bool:
    hints = _hints(member)
    for name in ("type", "role"):
        kind = _bare(hints.get(name)) if name in hints else None
        if name not in value:
            if name in _required(member):
                return False
            continue
        if kind is None:
            return False
        if typing_extensions.get_origin(kind) is Literal and value[name] not in typing_extensions.get_args(kind):
            return False
    return True


def check_create(body: dict[str, Any]) -> None:
    """Raise TypeFault where ``body`` is no request of ``POST /responses``.

    Recorded requests show one form that the package's types lack: assistant messages without an id whose
    content is a list of ``output_text`` parts.
    """
    _check_body(body, {**_hints(ResponseCreateParamsBase), "stream": bool | None})


def check_count(body: dict[str, Any]) -> None:
    """Raise TypeFault where ``body`` is no request of ``POST /responses/input_tokens``."""
    _check_body(body, _hints(InputTokenCountParams))


def _check_body(body: dict[str, Any], hints: dict[str, Any]) -> None:
    for name, value in body.items():
        if name not in hints:
            raise TypeFault(name, "Unknown parameter")
        if name == "input" and isinstance(value, list):
            _check_items(value, hints[name])
        else:
            check(value, hints[name], name)


def _check_items(items: list[Any], kind: Any) -> None:
    arrays = (list, collections.abc.Iterable)
    lists = [member for member in typing.get_args(_bare(kind)) if typing.get_origin(member) in arrays]
    item_kind = typing.get_args(lists[0])[0]
    for at, item in enumerate(items):
        path = f"input[{at}]"
        if _is_plain_assistant(item):
            _check_assistant(item, path)
        else:
            check(item, item_kind, path)


def _is_plain_assistant(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.get("role") == "assistant"
        and "id" not in item
        and isinstance(item.get("content"), list)
    )


def _check_assistant(item: dict[str, Any], path: str) -> None:
    extra = set(item) - {"type", "role", "content", "phase", "status"}
    if extra:
        raise TypeFault(f"{path}.{sorted(extra)[0]}", "Unknown parameter")
    if item.get("phase", "final_answer") not in ("commentary", "final_answer", None):
        raise TypeFault(f"{path}.phase", "Invalid value")
    for at, part in enumerate(item["content"]):
        where = f"{path}.content[{at}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in ("output_text", "refusal"):
            raise TypeFault(where, f"Invalid value: '{kind}'. Supported values are: 'output_text' and 'refusal'.")
        key = "text" if kind == "output_text" else "refusal"
        if not isinstance(part.get(key), str) or set(part) - {"type", key, "annotations", "logprobs"}:
            raise TypeFault(where, "Invalid part")
