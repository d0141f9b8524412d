// SPDX-License-Identifier: Apache-2.0
// Calls models from a page: docs/clients.md, client.d.ts.
export class AigesError extends Error {
  constructor(code, message, status = 0, requestId = "") {
    super(message);
    Object.assign(this, { name: "AigesError", code, status, requestId });
  }
}

const told = (said, status, id) => {
  const { code = 0, message = `HTTP ${status}` } = said?.error ?? said?.header ?? {};
  return new AigesError(code, message, status, id);
};
const idOf = (answer) => answer.headers.get("X-Request-Id");
const isText = (value) => typeof value === "string";
const isFile = (value) => value instanceof Blob;
const base64 = async (data) => {
  const bytes = new Uint8Array(await new Response(data).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
};

// A form where there is a file, else JSON.
function bodyOf(inputs) {
  const given = Object.entries(inputs).filter(([, value]) => value != null);
  const files = (value) => [value].flat().some(isFile);
  if (!given.some(([, value]) => files(value))) return JSON.stringify(Object.fromEntries(given));
  const form = new FormData();
  for (const [name, value] of given) {
    for (const each of files(value) ? [value].flat() : [value]) {
      form.append(name, isFile(each) || isText(each) ? each : JSON.stringify(each));
    }
  }
  return form;
}

async function* read(stream) {
  const reader = stream.getReader();
  try {
    for (let next; !(next = await reader.read()).done;) {
      if (next.value instanceof Error) throw next.value;
      yield next.value;
    }
  } finally {
    reader.cancel(); // Also where the caller leaves the loop.
  }
}

export class Client {
  constructor(url = new URL("..", import.meta.url).href, { service, key, headers } = {}) {
    this.url = url.replace(/\/*$/, "");
    this.service = service;
    this.headers = { ...headers, ...(key && { Authorization: `Bearer ${key}` }) };
  }

  async predict(inputs, { path, params, headers, accept = "*/*", signal } = {}) {
    const body = bodyOf(inputs);
    path ??= (this.service ? `/m/${this.service}` : "") + "/predict";
    const kind = isText(body) && { "Content-Type": "application/json" };
    const answer = await fetch(`${this.url}${path}?${new URLSearchParams(params)}`, {
      method: "POST", body, signal,
      headers: { ...this.headers, ...headers, ...kind, Accept: accept },
    });
    if (answer.ok) return answer;
    throw told(await answer.json().catch(() => null), answer.status, idOf(answer));
  }

  async *stream(inputs, options) {
    const answer = await this.predict(inputs, { ...options, accept: "text/event-stream" });
    let rest = "";
    for await (const piece of read(answer.body.pipeThrough(new TextDecoderStream()))) {
      const events = (rest + piece).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const field = (name) => event.match(`(?:^|\n)${name}: (.*)`)?.[1];
        const name = field("event"), data = field("data");
        if (name === "end") return;
        if (name === "error") throw told(JSON.parse(data), 200, idOf(answer));
        if (data) yield JSON.parse(data);
      }
    }
    throw new AigesError(0, "the stream ended early", 200, idOf(answer));
  }

  // A WebSocket: yields outputs by name.
  session(params = {}, service = this.service) {
    const socket = new WebSocket(`${this.url.replace("http", "ws")}/v1/private/${service}`);
    let sent = new Promise((done) => (socket.onopen = done));
    let parameter = { [service]: params };
    const send = (inputs, last) => (sent = sent.then(async () => {
      const payload = {};
      for (const [name, value] of Object.entries(inputs)) {
        const data = isText(value) ? { text_plain: value }
          : isFile(value) || ArrayBuffer.isView(value) ? { other: await base64(value) }
          : { text: value };
        payload[name] = { ...data, status: last ? 2 : 1 };
      }
      socket.send(JSON.stringify({ header: {}, parameter, payload }));
      parameter = {};
    }));
    const outputs = new ReadableStream({
      start(out) {
        const end = (error) => {
          if (error) out.enqueue(error);
          socket.onclose = null;
          out.close();
        };
        socket.onclose = (e) => end(new AigesError(0, e.reason || "the connection ended"));
        socket.onmessage = (e) => {
          const { header, payload } = JSON.parse(e.data);
          if (header.code) return end(told({ header }, 0, header.sid));
          for (const name in payload) {
            const { text, image, audio, video, other } = payload[name];
            let data = image ?? audio ?? video ?? other ?? text;
            if (isText(data)) data = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            payload[name] = isText(text) ? new TextDecoder().decode(data) : data;
          }
          if (payload) out.enqueue(payload);
          if (header.status > 1) end();
        };
      },
      cancel: () => socket.close(),
    });
    return Object.assign(read(outputs), { send, close: () => socket.close() });
  }
}
