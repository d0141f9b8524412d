# SPDX-License-Identifier: Apache-2.0
"""Speech to text: OpenAI's /v1/audio/transcriptions, and AIGES's own calls.

`transcribe` is the hook for OpenAI's API. A call of AIGES's protocols has one payload, the bytes
of an audio file, and may have the parameters language and prompt; it is answered under the key
`transcript` with JSON: {"text", "language", "duration", "segments": [{"start", "end", "text"}]}.
Configuration keys: README.md.
"""

import json

from aiges import context
from aiges.errors import BadInput

DATA_TEXT, DATA_AUDIO, STATUS_ONCE = 0, 1, 3

OK, INIT_FAILED = 0, 1  # 2 to 5: asr_plugin/audio.py.
NO_AUDIO, SEVERAL = 2, 3
SHOWN = ("start", "end", "text")


class Wrapper:
    def __init__(self):
        self.model = None
        self.failure = "wrapperInit was not called or failed"
        self.most_seconds = 0.0

    def wrapperInit(self, config):
        from asr_plugin.settings import ConfigError, number

        try:
            from asr_plugin.model import Model

            self.most_seconds = number(config, "max_seconds", 900.0, 1, 86400)
            self.model = Model(config)
        except ConfigError as error:
            self.failure = str(error)
            print(f"asr: wrapperInit failed: {error}", flush=True)
            return INIT_FAILED
        languages = self.model.languages
        shown = languages[0] if len(languages) == 1 else f"{len(languages)} languages"
        print(f"asr: {self.model.folder.name} ready: {shown}", flush=True)
        return OK

    def wrapperFini(self):
        self.model = None
        return OK

    def wrapperError(self, code):
        return {OK: "ok", INIT_FAILED: self.failure}.get(code, f"unknown error {code} of asr")

    def transcribe(
        self, audio, language=None, prompt=None, temperature=None, timestamp_granularities=None
    ):
        from asr_plugin.audio import decode

        samples = decode(bytes(audio), self.most_seconds)
        return self.model.transcribe(
            samples,
            language=language,
            prompt=prompt,
            temperature=temperature,
            words="word" in (timestamp_granularities or ()),
        )

    def wrapperOnceExec(self, params, reqData):
        nodes = [each for each in reqData.list if each.type == DATA_AUDIO] or reqData.list[:1]
        if len(nodes) > 1:
            raise BadInput(f"expected one audio file, got {len(nodes)}", SEVERAL)
        if not nodes or not nodes[0].data:
            raise BadInput("expected one audio file as payload, got none", NO_AUDIO)
        made = self.transcribe(nodes[0].data, params.get("language"), params.get("prompt"))
        segments, about = [], {}
        while not context.cancelled():
            try:
                segment = next(made)
            except StopIteration as end:
                about = end.value
                break
            segments.append({name: segment[name] for name in SHOWN})
        answer = {
            "text": "".join(each["text"] for each in segments).strip(),
            "language": about.get("language"),
            "duration": about.get("duration"),
            "segments": segments,
        }
        data = json.dumps(answer, ensure_ascii=False).encode()
        return {
            "key": "transcript",
            "data": data,
            "len": len(data),
            "status": STATUS_ONCE,
            "type": DATA_TEXT,
            "desc": {"format": "json"},
        }
