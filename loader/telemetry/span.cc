// SPDX-License-Identifier: Apache-2.0
#include "loader/telemetry/span.h"

#include <nlohmann/json.hpp>

#include "loader/base/utf8.h"

namespace aiges {
namespace {

using nlohmann::json;

// A collector refuses all of a request that has something that is no UTF-8.
std::string Utf8(std::string_view text) {
  std::string out;
  AppendUtf8(&out, text);
  return out;
}

// ---- protobuf: the few forms of field that there are (protobuf.dev, "Encoding") ----

constexpr int kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

void PutVarint(std::string* out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}
void PutTag(std::string* out, int field, int form) {
  PutVarint(out, static_cast<uint64_t>(field << 3 | form));
}
void PutNumber(std::string* out, int field, uint64_t value) {
  PutTag(out, field, kVarint);
  PutVarint(out, value);
}
void PutFixed64(std::string* out, int field, uint64_t value) {
  PutTag(out, field, kFixed64);
  for (int shift = 0; shift < 64; shift += 8) out->push_back(static_cast<char>(value >> shift));
}
void PutFixed32(std::string* out, int field, uint32_t value) {
  PutTag(out, field, kFixed32);
  for (int shift = 0; shift < 32; shift += 8) out->push_back(static_cast<char>(value >> shift));
}
void PutBytes(std::string* out, int field, std::string_view bytes) {
  PutTag(out, field, kBytes);
  PutVarint(out, bytes.size());
  out->append(bytes);
}
void PutText(std::string* out, int field, std::string_view text) {
  if (!text.empty()) PutBytes(out, field, Utf8(text));
}

void AppendBytes(uint64_t value, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}
std::string IdBytes(uint64_t id) {
  std::string bytes;
  AppendBytes(id, &bytes);
  return bytes;
}

// KeyValue {key = 1, value = 2}; AnyValue {string = 1, bool = 2, int = 3}.
std::string KeyValue(std::string_view key, const Span::Value& value) {
  std::string any;
  if (const auto* text = std::get_if<std::string>(&value)) {
    PutBytes(&any, 1, Utf8(*text));
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    PutNumber(&any, 2, *flag ? 1 : 0);
  } else {
    PutNumber(&any, 3, static_cast<uint64_t>(std::get<int64_t>(value)));
  }
  std::string out;
  PutText(&out, 1, key);
  PutBytes(&out, 2, any);
  return out;
}

// What a flags field says beside the W3C flags: that it is known whether the parent is remote.
constexpr uint32_t kSampledFlag = 1;

std::string SpanMessage(const Span& span) {
  std::string out;
  PutBytes(&out, 1, IdBytes(span.trace_high) + IdBytes(span.trace_low));
  PutBytes(&out, 2, IdBytes(span.id));
  PutText(&out, 3, span.state);
  if (span.parent != 0) PutBytes(&out, 4, IdBytes(span.parent));
  PutText(&out, 5, span.name);
  PutNumber(&out, 6, static_cast<uint64_t>(span.kind));
  PutFixed64(&out, 7, static_cast<uint64_t>(span.begin_ns));
  PutFixed64(&out, 8, static_cast<uint64_t>(span.end_ns));
  for (const auto& [key, value] : span.attributes) PutBytes(&out, 9, KeyValue(key, value));
  if (span.outcome != Span::Outcome::kUnset) {
    std::string status;
    PutText(&status, 2, span.message);
    PutNumber(&status, 3, static_cast<uint64_t>(span.outcome));
    PutBytes(&out, 15, status);
  }
  PutFixed32(&out, 16, kSampledFlag);
  return out;
}

// ---- JSON ----

json JsonValue(const Span::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return {{"stringValue", Utf8(*text)}};
  }
  if (const auto* flag = std::get_if<bool>(&value)) return {{"boolValue", *flag}};
  return {{"intValue", std::to_string(std::get<int64_t>(value))}};
}

json JsonSpan(const Span& span) {
  TraceContext trace;
  trace.trace_high = span.trace_high;
  trace.trace_low = span.trace_low;
  json out = {{"traceId", TraceIdText(trace)},
              {"spanId", SpanIdText(span.id)},
              {"name", Utf8(span.name)},
              {"kind", static_cast<int>(span.kind)},
              {"startTimeUnixNano", std::to_string(span.begin_ns)},
              {"endTimeUnixNano", std::to_string(span.end_ns)},
              {"flags", kSampledFlag}};
  if (!span.state.empty()) out["traceState"] = Utf8(span.state);
  if (span.parent != 0) out["parentSpanId"] = SpanIdText(span.parent);
  json& attributes = out["attributes"] = json::array();
  for (const auto& [key, value] : span.attributes) {
    attributes.push_back({{"key", key}, {"value", JsonValue(value)}});
  }
  if (span.outcome != Span::Outcome::kUnset) {
    out["status"] = {{"code", static_cast<int>(span.outcome)}};
    if (!span.message.empty()) out["status"]["message"] = Utf8(span.message);
  }
  return out;
}

}  // namespace

// ExportTraceServiceRequest {resource_spans = 1}; ResourceSpans {resource = 1, scope_spans = 2};
// Resource {attributes = 1}; ScopeSpans {scope = 1, spans = 2}; InstrumentationScope {name = 1,
// version = 2}.
std::string OtlpProtobuf(const SpanSource& source, const std::vector<Span>& spans) {
  std::string resource, scope, scope_spans, resource_spans, out;
  for (const auto& [key, value] : source.resource) PutBytes(&resource, 1, KeyValue(key, value));
  PutText(&scope, 1, source.name);
  PutText(&scope, 2, source.version);
  PutBytes(&scope_spans, 1, scope);
  for (const Span& span : spans) PutBytes(&scope_spans, 2, SpanMessage(span));
  PutBytes(&resource_spans, 1, resource);
  PutBytes(&resource_spans, 2, scope_spans);
  PutBytes(&out, 1, resource_spans);
  return out;
}

std::string OtlpJson(const SpanSource& source, const std::vector<Span>& spans) {
  json attributes = json::array(), list = json::array();
  for (const auto& [key, value] : source.resource) {
    attributes.push_back({{"key", key}, {"value", JsonValue(value)}});
  }
  for (const Span& span : spans) list.push_back(JsonSpan(span));
  const json scope = {{"scope", {{"name", source.name}, {"version", source.version}}},
                      {"spans", std::move(list)}};
  const json resource = {{"resource", {{"attributes", std::move(attributes)}}},
                         {"scopeSpans", json::array({scope})}};
  return json{{"resourceSpans", json::array({resource})}}.dump();
}

}  // namespace aiges
