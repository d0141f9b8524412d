// SPDX-License-Identifier: Apache-2.0
// The inputs of the service as fields of a form, made from /openapi.json.

import { el } from "./dom.js";

const MOST_CHOICES = 200;

// {route, typed, streams, inputs: [{name, kind, required, value, choices, about, least, most,
// accept, parameter}]}; null where nothing is declared. kind: text, number, integer, choice,
// boolean, json or file.
export function declaredInputs(document_, service) {
  const typed = document_.paths?.["/predict"]?.post;
  const at = (schema) => resolved(document_, schema);
  if (typed) {
    const schema = at(typed.requestBody?.content?.["application/json"]?.schema ?? {});
    const answers = typed.responses?.["200"]?.content ?? {};
    const asForm = at(typed.requestBody?.content?.["multipart/form-data"]?.schema ?? {}).properties ?? {};
    const required = schema.required ?? [];
    return {
      route: "/predict", typed: true, streams: "text/event-stream" in answers,
      inputs: Object.entries(schema.properties ?? {}).map(([name, each]) => {
        const input = inputOf(name, each, required.includes(name), at);
        // Of which type a file is, is said where it is one: in JSON it is base64.
        return input.kind === "file" && !input.accept ? { ...input, accept: inputOf(name, asForm[name] ?? {}, true, at).accept ?? "" } : input;
      }),
    };
  }
  const plain = document_.paths?.[`/v1/json/${service}`]?.post;
  const body = at(plain?.requestBody?.content?.["application/json"]?.schema ?? {});
  const inputs = Object.entries(body.properties ?? {}).map(([name, each]) => payloadOf(name, at(each)));
  if (inputs.length === 0) return null;
  for (const p of plain.parameters ?? []) {
    if (!p.name?.startsWith("p.")) continue;
    inputs.push({ ...inputOf(p.name.slice(2), p.schema ?? {}, p.required === true, at), parameter: true });
  }
  return { route: `/v1/raw/${service}`, typed: false, streams: false, inputs };
}

function resolved(document_, schema) {
  if (typeof schema?.$ref !== "string") return schema ?? {};
  return schema.$ref.replace(/^#\//, "").split("/").reduce((at, name) =>
    at?.[name.replaceAll("~1", "/").replaceAll("~0", "~")], document_) ?? {};
}

// An input that the fields of aiges.sdk declare: text, or bytes of one type.
function payloadOf(name, schema) {
  if (schema.anyOf?.some((each) => each.type === "string")) return { name, kind: "text", required: true, value: "hello" };
  const type = /\^(audio|image|video)/.exec(schema.properties?.type?.pattern ?? "")?.[1];
  return { name, kind: "file", required: true, accept: type ? `${type}/*` : "" };
}

function inputOf(name, given, required, at) {
  let schema = at(given);
  const choices = (schema.anyOf ?? schema.oneOf ?? []).map(at).filter((each) => each.type !== "null");
  const file = [schema, ...choices].find(isFileSchema);
  if (choices.length === 1) schema = { ...schema, ...choices[0] };
  const type = [schema.type].flat().find((each) => each !== "null");
  const input = { name, required, value: schema.default, about: schema.description ?? schema.title ?? "", least: schema.minimum, most: schema.maximum };
  if (file) return { ...input, kind: "file", accept: acceptOf(file) };
  const listed = schema.enum ?? (schema.const === undefined ? null : [schema.const]);
  if (listed && listed.length <= MOST_CHOICES) return { ...input, kind: "choice", choices: listed };
  const kinds = { boolean: "boolean", integer: "integer", number: "number", string: "text" };
  return { ...input, kind: kinds[type] ?? (choices.length > 1 && choices.some((c) => c.type === "string") ? "text" : "json") };
}

const isFileSchema = (s) => s.format === "binary" || s.contentEncoding === "base64" || s.properties?.base64 !== undefined
  || /^(image|audio|video)\//.test(s.contentMediaType ?? "");

function acceptOf(schema) {
  const media = schema.contentMediaType ?? schema.properties?.base64?.contentMediaType ?? "";
  return /^(image|audio|video)\//.exec(media) ? `${media.split("/")[0]}/*` : "";
}

// Labels with their fields, for a <fieldset>.
export function fieldsOf(inputs) {
  return inputs.map((input) => {
    const name = `in-${input.name}`;
    const about = input.about && input.about !== input.name ? ` (${input.about})` : "";
    const title = `${input.name}${input.required ? "" : ", optional"}${about} `;
    const shown = input.value === undefined || input.value === null ? "" : text(input.value);
    if (input.kind === "boolean") {
      return el("label", { class: "check" }, el("input", { type: "checkbox", name, ...(input.value === true ? { checked: "" } : {}) }), title.trim());
    }
    let field;
    if (input.kind === "choice") {
      const none = input.required ? [] : [""];
      field = el("select", { name }, ...[...none, ...input.choices.map(text)].map((choice) =>
        el("option", choice === shown ? { value: choice, selected: "" } : { value: choice }, choice || "–")));
    } else if (input.kind === "file") {
      field = el("input", { type: "file", name, ...(input.accept ? { accept: input.accept } : {}) });
    } else if (input.kind === "number" || input.kind === "integer") {
      field = el("input", { type: "number", name, value: shown, step: input.kind === "integer" ? "1" : "any",
        ...(input.least === undefined ? {} : { min: input.least }), ...(input.most === undefined ? {} : { max: input.most }) });
    } else {
      field = el("textarea", { name, rows: input.kind === "json" ? "4" : "3", spellcheck: "false",
        ...(input.kind === "json" ? { placeholder: "JSON" } : {}) }, shown);
    }
    return el("label", { class: input.kind === "text" || input.kind === "json" || input.kind === "file" ? "wide" : "" }, title, field);
  });
}

const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));

// [[input, value]] of what is filled in; throws an Error in words where something is missing or
// wrong. A file is a File, JSON its value, a number a number.
export function valuesOf(form, inputs) {
  const found = [];
  for (const input of inputs) {
    const field = form.elements[`in-${input.name}`];
    if (input.kind === "file") {
      if (field.files[0]) found.push([input, field.files[0]]);
      else if (input.required) throw new Error(`${input.name}: choose a file first.`);
      continue;
    }
    if (input.kind === "boolean") {
      found.push([input, field.checked]);
      continue;
    }
    if (field.validity.badInput || field.validity.stepMismatch || field.validity.rangeUnderflow || field.validity.rangeOverflow) {
      throw new Error(`${input.name}: ${field.validationMessage}`);
    }
    const given = field.value;
    if (given === "" && !(input.required && input.kind === "text")) {
      if (input.required) throw new Error(`${input.name}: expected a value.`);
      continue;
    }
    if (input.kind === "text") found.push([input, given]);
    else if (input.kind === "choice") found.push([input, input.choices.find((choice) => text(choice) === given)]);
    else if (input.kind === "json") found.push([input, fromJson(input, given)]);
    else found.push([input, Number(given)]);
  }
  return found;
}

function fromJson(input, given) {
  try {
    return JSON.parse(given);
  } catch (error) {
    throw new Error(`${input.name}: not JSON: ${error.message}`);
  }
}

export const asField = text;
