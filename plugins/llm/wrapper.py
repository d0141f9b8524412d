# SPDX-License-Identifier: Apache-2.0
"""Chat and completions with a GGUF model: OpenAI's routes, and AIGES's own calls.

`chat` and `complete` are the hooks for OpenAI's API. A call of AIGES's protocols has one text, the
user's message, or its messages as JSON under the key `messages`; it is answered under the key
`text`. In a session each text is the next message of one conversation, and the answer comes piece
by piece. Configuration keys: README.md.
"""

import json

from aiges.errors import BadInput
from llm_plugin.answers import chat_values, complete_values
from llm_plugin.engine import Engine
from llm_plugin.options import plain_messages, request_of
from llm_plugin.settings import ConfigError

DATA_TEXT, STATUS_ONCE = 0, 3

OK, INIT_FAILED, NO_TEXT, BAD_REQUEST = 0, 1, 2, 3

# Parameters of AIGES's calls, and how each is read; the rest of the names are the host's.
PARAMS = {
    "max_tokens": int,
    "temperature": float,
    "top_p": float,
    "top_k": int,
    "seed": int,
    "stop": str,
}


class Wrapper:
    def __init__(self):
        self.engine = None
        self.failure = "wrapperInit was not called or failed"

    def wrapperInit(self, config):
        try:
            self.engine = Engine(config)
        except ConfigError as error:
            self.failure = str(error)
            print(f"llm: wrapperInit failed: {error}", flush=True)
            return INIT_FAILED
        engine = self.engine
        shown = f"{engine.slots} chats at once, {engine.context} tokens each"
        print(f"llm: {engine.path.name} ready: {shown}", flush=True)
        return OK

    def wrapperFini(self):
        if self.engine is not None:
            self.engine.close()
            self.engine = None
        return OK

    def wrapperError(self, code):
        return {OK: "ok", INIT_FAILED: self.failure}.get(code, f"unknown error {code} of llm")

    # --- OpenAI's API: the options that a client may send are those named here ---

    def chat(
        self,
        messages,
        max_tokens=None,
        temperature=None,
        top_p=None,
        top_k=None,
        min_p=None,
        stop=None,
        seed=None,
        presence_penalty=None,
        frequency_penalty=None,
        repeat_penalty=None,
        logprobs=None,
        top_logprobs=None,
        response_format=None,
        tools=None,
        tool_choice=None,
        parallel_tool_calls=None,
    ):
        options = {k: v for k, v in locals().items() if k not in ("self", "messages")}
        return chat_values(self.engine.chat(self._request("messages", messages, options)))

    def complete(
        self,
        prompt,
        max_tokens=None,
        temperature=None,
        top_p=None,
        top_k=None,
        min_p=None,
        stop=None,
        seed=None,
        presence_penalty=None,
        frequency_penalty=None,
        repeat_penalty=None,
    ):
        if not isinstance(prompt, str):
            raise BadInput("prompt: expected text, got tokens", BAD_REQUEST)
        options = {k: v for k, v in locals().items() if k not in ("self", "prompt")}
        return complete_values(self.engine.complete(self._request("prompt", prompt, options)))

    def _request(self, kind, subject, options):
        if kind == "messages":
            subject = plain_messages(subject)
        engine = self.engine
        return request_of({kind: subject}, options, engine.context, engine.default_tokens)

    # --- AIGES's own calls ---

    def wrapperOnceExec(self, params, reqData):
        nodes = reqData.list
        if len(nodes) != 1 or not nodes[0].data:
            raise BadInput(f"expected one text, the message, got {len(nodes)} payloads", NO_TEXT)
        said = "".join(
            value if isinstance(value, str) else value.get("text") or ""
            for value in self.chat(_messages_of(params, nodes[0]), **_options_of(params))
        )
        return _text(said)

    def wrapperStream(self, params, requests):
        options = _options_of(params)
        messages = []
        for request in requests:
            for node in request.list:
                if not node.data:
                    continue
                messages += _messages_of({} if messages else params, node)
                said = []
                for value in self.chat(messages, **options):
                    piece = value if isinstance(value, str) else value.get("text") or ""
                    said.append(piece)
                    if piece:
                        yield _text(piece)
                messages.append({"role": "assistant", "content": "".join(said)})


def _text(said):
    data = said.encode()
    return {
        "key": "text",
        "data": data,
        "len": len(data),
        "status": STATUS_ONCE,
        "type": DATA_TEXT,
        "desc": {},
    }


def _messages_of(params, node):
    """The messages of one payload: JSON under the key messages, else a text of the user's."""
    try:
        text = bytes(node.data).decode()
        if node.key != "messages":
            system = params.get("system")
            first = [{"role": "system", "content": system}] if system else []
            return [*first, {"role": "user", "content": text}]
        messages = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{node.key}: expected text, got {error}", BAD_REQUEST) from None
    if not isinstance(messages, list) or not all(
        isinstance(each, dict)
        and isinstance(each.get("role"), str)
        and isinstance(each.get("content"), str)
        for each in messages
    ):
        raise BadInput(
            'messages: expected [{"role": "..", "content": ".."}, ..], got something else',
            BAD_REQUEST,
        )
    return messages


def _options_of(params):
    options = {}
    for name, kind in PARAMS.items():
        said = params.get(name)
        if not said:
            continue
        try:
            options[name] = kind(said)
        except ValueError:
            raise BadInput(f"{name}: expected a number, got {said!r}", BAD_REQUEST) from None
    return options
