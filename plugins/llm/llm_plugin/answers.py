# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's chunks -> what the hooks give: texts, and dicts for what is more than text."""

# Of a chunk's delta -> of what a hook gives.
MEMBERS = {
    "content": "text",
    "reasoning_content": "reasoning_content",
    "tool_calls": "tool_calls",
    "refusal": "refusal",
}


def chat_values(chunks):
    """Yields str for a piece that is only text, else a dict."""
    return _values(chunks, lambda choice: choice.get("delta") or {})


def complete_values(chunks):
    """As chat_values; the text is the choice's own."""
    return _values(chunks, lambda choice: {"content": choice.get("text")})


def _values(chunks, delta_of):
    try:
        for chunk in chunks:
            value = {}
            for choice in chunk.get("choices") or ():
                delta = delta_of(choice)
                value.update({MEMBERS[k]: v for k, v in delta.items() if k in MEMBERS and v})
                for name in ("finish_reason", "logprobs"):
                    if choice.get(name) is not None:
                        value[name] = choice[name]
            if chunk.get("usage"):
                value["usage"] = chunk["usage"]
            if value.keys() == {"text"}:
                yield value["text"]
            elif value:
                yield value
    finally:
        chunks.close()
