// SPDX-License-Identifier: Apache-2.0
// Run before the scripts of the status page: makes it that of an engine with a typed `predict`, by the
// document of that contract, and keeps in window.asked what the page has asked of it.
const picture = {anyOf: [{type: "object", properties: {base64: {type: "string"}}}, {type: "null"}], default: null};
const predict = {post: {requestBody: {content: {"application/json": {schema: {$ref: "#/components/schemas/Input"}}}},
  responses: {200: {content: {"application/json": {}, "text/event-stream": {}}}}}};
const document_ = {paths: {"/predict": predict}, components: {schemas: {Input: {type: "object", required: ["text"], properties: {
  text: {type: "string", description: "what to say"}, picture, top: {type: "integer", default: 2},
  mode: {enum: ["fast", "good"], default: "fast"}, more: {type: "object", default: {a: 1}}, loud: {type: "boolean", default: false}}}}}};
const plain = window.fetch;
window.asked = [];
window.fetch = async (url, options) => {
  if (url === "openapi.json") return new Response(JSON.stringify(document_));
  if (!url.startsWith("/predict")) return plain(url, options);
  const body = options.body instanceof FormData
    ? Object.fromEntries(await Promise.all([...options.body].map(async ([k, v]) => [k, v instanceof File ? v.name : v]))) : JSON.parse(options.body);
  window.asked.push({url, headers: options.headers, body, form: options.body instanceof FormData});
  if (options.headers.Accept === "text/event-stream") {
    return new Response('data: "Hel"\n\ndata: "lo"\n\nevent: end\ndata: {}\n\n', {headers: {"Content-Type": "text/event-stream"}});
  }
  return new Response(window.answer ?? '{"label": "cat"}', {headers: {"Content-Type": "application/json"}});
};
