# SPDX-License-Identifier: Apache-2.0
"""What hooks of ``chat`` and ``complete`` give -> OpenAI's choices, whole or in pieces.

A hook gives text, or a dict: ``text`` (or ``content``), ``finish_reason``, ``usage``,
``tool_calls``, ``reasoning``, ``refusal``, ``logprobs``, ..; a dict with ``choices`` is a body as
it stands. A generator gives any number of these, and the client gets them joined, or one by one.
"""

from __future__ import annotations

from typing import Any

from aiges._narrow import is_dict, is_list, is_row
from aiges.contracts._tasks._call import Call, kind_of
from aiges.contracts._tasks._hooks import Hook
from aiges.errors import BadInput

__all__ = ["Choices", "runs_of"]

Body = dict[str, Any]

# Members of a message beside its text, and of a choice.
_MESSAGE = ("role", "refusal", "tool_calls", "function_call", "annotations", "audio")
_REASONING = ("reasoning", "reasoning_content")
_CHOICE = ("finish_reason", "logprobs", "stop_reason")
_WHOLE = ("usage", "system_fingerprint", "service_tier")
_JOINED = ("content", "reasoning_content", "refusal")
_FORM = 'expected str, or a dict with "text"'
_TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens")


def runs_of(call: Call, hook: Hook) -> list[tuple[Any, Body]]:
    """Return what the hook is to be asked, and with which options; one for each choice."""
    options = dict(call.body)
    if options.get("max_tokens") is None and hook.names("max_tokens"):
        options["max_tokens"] = options.get("max_completion_tokens")
    count = options.get("n")
    if count is not None and (type(count) is not int or count < 1):
        raise BadInput(f"n: expected a number of at least 1, got {count!r}")
    if count not in (None, 1) and not hook.takes("n"):
        raise BadInput(f"n: expected 1, as this model gives one choice, got {count}")
    _check_stream_options(options.get("stream_options"))
    if call.task == "chat":
        return [(_messages(options.pop("messages", None)), options)]
    return [(prompt, options) for prompt in _prompts(options.pop("prompt", None))]


def _check_stream_options(value: Any) -> None:
    if value is not None and not isinstance(value, dict):
        raise BadInput(f"stream_options: expected an object, got {kind_of(value)}")


def _messages(value: Any) -> list[Body]:
    if not is_list(value) or not value:
        got = "an empty one" if value == [] else kind_of(value)
        raise BadInput(f"messages: expected an array of messages, got {got}")
    for i, message in enumerate(value):
        if not is_dict(message):
            raise BadInput(f"messages[{i}]: expected an object, got {kind_of(message)}")
        if not isinstance(message.get("role"), str):
            got = kind_of(message.get("role"))
            raise BadInput(f"messages[{i}].role: expected a string, got {got}")
        if not isinstance(message.get("content"), (str, list, type(None))):
            got = kind_of(message["content"])
            raise BadInput(f"messages[{i}].content: expected a string or an array, got {got}")
    return value


def _prompts(value: Any) -> list[Any]:
    """Return the prompts: each a text, or a list of tokens."""
    if isinstance(value, str):
        return [value]
    if is_list(value) and value:
        if all(type(each) is int for each in value):
            return [value]
        if all(isinstance(each, (str, list)) for each in value):
            return value
    got = "an empty one" if value == [] else kind_of(value)
    raise BadInput(f"prompt: expected a string or an array of strings or tokens, got {got}")


class _Choice:
    """One choice, as far as it has come."""

    def __init__(self) -> None:
        self._message: Body = {}
        self._texts: dict[str, list[str]] = {}  # Joined at the end: there may be many pieces.
        self.about: Body = {}
        self.begun = False

    def add(self, message: Body, about: Body) -> None:
        """Take the next piece."""
        for name, value in message.items():
            if name in _JOINED and isinstance(value, str):
                self._texts.setdefault(name, []).append(value)
            elif name == "tool_calls" and value is not None:
                _merge_calls(self._message.setdefault(name, []), value)
            elif value is not None:
                self._message[name] = value
        for name, value in about.items():
            if name == "logprobs" and isinstance(self.about.get(name), dict):
                _merge_logprobs(self.about[name], value)
            else:
                self.about[name] = value

    @property
    def message(self) -> Body:
        """What has come of the message."""
        texts = {name: "".join(parts) for name, parts in self._texts.items()}
        return {**self._message, **texts}

    @property
    def role(self) -> str:
        """Whose message it is."""
        return str(self._message.get("role") or "assistant")

    @property
    def finish_reason(self) -> str:
        """Why it ended: what the hook has said, else what can be seen."""
        said = self.about.get("finish_reason")
        return str(said) if said else "tool_calls" if self._message.get("tool_calls") else "stop"


def _merge_calls(calls: list[Body], pieces: Any) -> None:
    """Join pieces of calls of tools: those of one index are one, their arguments follow."""
    for piece in pieces:
        at = piece.get("index", len(calls))
        known = next((each for each in calls if each.get("index", -1) == at), None)
        if known is None:
            calls.append({"type": "function", **piece, "function": dict(piece.get("function", {}))})
            continue
        known.update({k: v for k, v in piece.items() if k not in ("function", "index")})
        for name, value in piece.get("function", {}).items():
            before = known["function"].get(name)
            joined = name == "arguments" and isinstance(before, str)
            known["function"][name] = before + value if joined else value


def _merge_logprobs(known: Body, more: Any) -> None:
    pieces: Body = more or {}
    for name, value in pieces.items():
        before = known.get(name)
        known[name] = before + value if isinstance(before, list) and value else value


def _split(value: Any, chat: bool) -> tuple[Body, Body, Body]:
    """Return what a hook gave as members of the message, of the choice, and of the whole."""
    if isinstance(value, str):
        return {"content": value}, {}, {}
    if not is_dict(value):
        raise TypeError(f"{_FORM}, got {type(value).__name__}")
    message: Body = {}
    about: Body = {}
    whole: Body = {}
    for name, each in value.items():
        if name in ("text", "content"):
            if each is not None and not isinstance(each, str):
                raise TypeError(f"{name}: expected str, got {type(each).__name__}")
            message["content"] = each
        elif chat and name in _MESSAGE:
            message[name] = each
        elif chat and name in _REASONING:
            message["reasoning_content"] = each
        elif name in _CHOICE:
            about[name] = each
        elif name in _WHOLE:
            whole[name] = each
        else:
            raise TypeError(f"{_FORM}, got one with {name!r}, which answers do not have")
    if whole.get("usage") is not None:
        whole["usage"] = _usage(whole["usage"])
    return message, about, whole


def _usage(said: Any) -> Body:
    if not is_dict(said):
        raise TypeError(f"usage: expected a dict, got {type(said).__name__}")
    made: Body = {name: said.get(name, 0) for name in _TOKENS}
    for name, value in made.items():
        if type(value) is not int or value < 0:
            raise TypeError(f"usage[{name!r}]: expected a number of tokens, got {value!r}")
    made["total_tokens"] = said.get("total_tokens", sum(made[name] for name in _TOKENS[:2]))
    return {**said, **made}


class Choices:
    """The answer to one request."""

    def __init__(self, call: Call, hook: Hook) -> None:
        self.runs = runs_of(call, hook)
        self._call, self._chat = call, call.task == "chat"
        self._choices: dict[int, _Choice] = {}
        self._whole: Body = {}
        self._body: Any = None  # What the hook gave as it stands.
        options: Body = call.body.get("stream_options") or {}
        self._wants_usage = options.get("include_usage") is True

    # --- what a hook gives ---

    def returned(self, run: int, value: Any) -> list[Any]:
        """Take what a hook has returned. Return the pieces that a client gets of it."""
        if is_row(value):  # Some choices.
            first = run * len(value)
            pieces = [p for i, each in enumerate(value) for p in self._add(first + i, each)]
        else:
            pieces = self._add(run, {} if value is None else value)
        return pieces

    def yielded(self, run: int, value: Any) -> list[Any]:
        """Take what a generator has yielded. A dict may say with ``index`` of which choice."""
        if is_dict(value) and "index" in value and "choices" not in value:
            value = dict(value)
            run = int(value.pop("index"))
        return self._add(run, value)

    def ended(self) -> list[Any]:
        """Return the last pieces."""
        if self._body is not None:
            return []
        if not self._choices:
            self._choices[0] = _Choice()
        pieces: list[Any] = []
        for index, choice in sorted(self._choices.items()):
            if not choice.begun:
                pieces += self._begin(index, choice)
            pieces.append(self._piece(index, {}, {"finish_reason": choice.finish_reason}))
        if self._wants_usage and self._whole.get("usage") is not None:
            pieces.append({"choices": [], **self._whole})
        return pieces

    def about(self) -> Any:
        """Return what is said of the whole answer, with its usage, where that is known."""
        return self._whole if self._body is None else self._body

    def body(self) -> Any:
        """Return the whole answer."""
        if self._body is not None:
            return self._body
        if not self._choices:
            self._choices[0] = _Choice()
        return {
            "choices": [self._shown(i, choice) for i, choice in sorted(self._choices.items())],
            **self._whole,
        }

    # --- how it is shown ---

    def _add(self, index: int, value: Any) -> list[Any]:
        if is_dict(value) and ("choices" in value or "error" in value):
            if self._body is not None and not self._call.streams:
                raise TypeError('expected one dict with "choices", got another')
            self._body = value
            return [value]
        message, about, whole = _split(value, self._chat)
        self._add_whole(whole)
        if not message and not about:
            return []
        choice = self._choices.setdefault(index, _Choice())
        choice.add(message, about)
        pieces = [] if choice.begun else self._begin(index, choice)
        message = {name: each for name, each in message.items() if name != "role"}
        about = {name: each for name, each in about.items() if name != "finish_reason"}
        if any(each not in (None, "") for each in message.values()) or about:
            pieces.append(self._piece(index, message, about))
        return pieces

    def _add_whole(self, whole: Body) -> None:
        usage, before = whole.get("usage"), self._whole.get("usage")
        self._whole.update(whole)
        if usage is not None and before is not None and len(self.runs) > 1:
            self._whole["usage"] = {**usage, **{n: usage[n] + before[n] for n in _TOKENS}}

    def _begin(self, index: int, choice: _Choice) -> list[Any]:
        choice.begun = True
        if not self._chat:
            return []
        return [self._piece(index, {"role": choice.role, "content": ""}, {})]

    def _piece(self, index: int, message: Body, about: Body) -> Body:
        made: Body = {"index": index}
        if self._chat:
            made["delta"] = message
        else:
            made["text"] = message.get("content") or ""
            made["logprobs"] = None
        return {"choices": [{**made, "finish_reason": None, **about}]}

    def _shown(self, index: int, choice: _Choice) -> Body:
        about = {"logprobs": None, **choice.about, "finish_reason": choice.finish_reason}
        message = choice.message
        text = message.pop("content", None)
        if not self._chat:
            return {"index": index, "text": text or "", **about}
        calls = message.get("tool_calls")
        if calls:
            without = [{k: v for k, v in each.items() if k != "index"} for each in calls]
            message["tool_calls"] = without
        text = "" if text is None and not calls else text
        message = {"role": choice.role, "content": text, **message}
        return {"index": index, "message": message, **about}
