#include "loader/ingress/json_codec.h"

#include <simdjson.h>

#include <charconv>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "loader/api/codes.h"
#include "loader/ingress/base64.h"

namespace aiges {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

constexpr size_t kKeepParserBytes = 1 << 20;

constexpr std::pair<std::string_view, DataType> kTypes[] = {{"text", DataType::kText},
                                                            {"audio", DataType::kAudio},
                                                            {"image", DataType::kImage},
                                                            {"video", DataType::kVideo},
                                                            {"other", DataType::kOther}};

std::optional<DataType> TypeOf(std::string_view name) {
  for (const auto& [known, type] : kTypes) {
    if (known == name) return type;
  }
  return std::nullopt;
}

Status Conversion(std::string_view where, std::string_view text) {
  return Status::Error(StatusKind::kInvalid, StrCat(where, ": ", text), kCodeConversion);
}

std::string Shortest(double value) {
  char text[512];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed);
  return {text, end.ptr};
}

// The text of a scalar; empty for objects, arrays and null.
std::optional<std::string> ScalarText(element value) {
  switch (value.type()) {
    case element_type::STRING:
      return std::string(value.get_string().value_unsafe());
    case element_type::INT64:
      return std::to_string(value.get_int64().value_unsafe());
    case element_type::UINT64:
      return std::to_string(value.get_uint64().value_unsafe());
    case element_type::DOUBLE:
      return Shortest(value.get_double().value_unsafe());
    case element_type::BOOL:
      return value.get_bool().value_unsafe() ? "true" : "false";
    default:
      return std::nullopt;
  }
}

std::optional<object> Section(element root, std::string_view name) {
  object section;
  if (root[name].get(section) != simdjson::SUCCESS) return std::nullopt;
  return section;
}

// {"encoding": .., "data_type": "text"} under parameter: an output the client accepts.
void ReadExpected(std::string_view key, object fields, OnceCall* out) {
  Expected& e = out->expect.emplace_back();
  e.name = key;
  for (const auto [name, value] : fields) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) continue;
    if (name == "data_type") {
      // Any other word meant OTHER.
      e.type = TypeOf(text).value_or(DataType::kOther);
    } else if (name == "encoding" || name == "format" || name == "compress") {
      e.attributes.emplace_back(name, text);
    }
  }
}

void ReadParameters(object groups, OnceCall* out) {
  for (const auto [group, value] : groups) {
    object entries;
    if (value.get(entries) != simdjson::SUCCESS) continue;
    for (const auto [key, entry] : entries) {
      object fields;
      if (entry.get(fields) == simdjson::SUCCESS) {
        ReadExpected(key, fields, out);
      } else if (auto text = ScalarText(entry)) {
        out->request.params.emplace_back(key, *text);
      }  // Arrays and null are ignored, as ever.
    }
  }
}

Status ReadPayload(std::string_view key, object fields, BufferPool* buffers, Payload* p) {
  p->key = key;
  for (const auto [name, value] : fields) {
    const std::optional<DataType> type = TypeOf(name);
    if (!type) {
      if (auto text = ScalarText(value)) p->desc.emplace_back(name, *text);
      continue;
    }
    const std::string where = StrCat("payload.", key, ".", name);
    p->type = *type;
    if (value.is_object() || value.is_array()) {
      p->data = Bytes::Own(simdjson::minify(value) + "\n");  // The newline always was there.
      continue;
    }
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) {
      return Conversion(where, "expected a base64 string, an object or an array");
    }
    std::optional<Bytes> data = DecodeBase64(text, buffers);
    if (!data) return Conversion(where, "the string is not standard base64");
    p->data = *std::move(data);
  }
  return Status::Ok();
}

// JSON text that may stand in a message as it is.
bool IsJson(std::string_view text) {
  if (text.size() > kKeepParserBytes) return false;
  thread_local simdjson::dom::parser parser;
  return parser.parse(text.data(), text.size()).error() == simdjson::SUCCESS;
}

void AppendPayload(std::string* out, const Payload& p, bool for_socket = false) {
  AppendJsonString(out, p.key);
  out->append(":{");
  for (const auto& [key, value] : p.desc) {
    AppendJsonString(out, key);
    out->push_back(':');
    AppendJsonString(out, value);
    out->push_back(',');
  }
  const auto index = std::min(static_cast<size_t>(p.type), std::size(kTypes) - 1);
  AppendJsonString(out, kTypes[index].first);
  out->push_back(':');
  const std::string* format = for_socket ? Find(p.desc, "format") : nullptr;
  if (format != nullptr && *format == "json" && IsJson(p.data.view())) {
    out->append(p.data.view());
  } else if (p.type == DataType::kText && !for_socket) {
    AppendJsonString(out, p.data.view());
  } else {
    out->push_back('"');
    AppendBase64(out, p.data.view());
    out->push_back('"');
  }
  out->push_back('}');
}

}  // namespace

void AppendJsonString(std::string* out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  const bool utf8 = simdjson::validate_utf8(text.data(), text.size());
  out->push_back('"');
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (c == '\n') {
      out->append("\\n");
    } else if (u < 0x20) {
      out->append("\\u00");
      out->push_back(kHex[u >> 4]);
      out->push_back(kHex[u & 15]);
    } else {
      // Bytes that are no UTF-8 would make the whole answer unreadable.
      out->push_back(utf8 || u < 0x80 ? c : '?');
    }
  }
  out->push_back('"');
}

// Integers of more than 64 bits are JSON, but nothing that the quick parser takes: as doubles.
std::optional<std::string> WithPlainNumbers(std::string_view body) {
  bool too_deep = false;
  const auto look = [&too_deep](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || depth > static_cast<int>(simdjson::DEFAULT_MAX_DEPTH);
    return !too_deep;
  };
  const auto value = nlohmann::json::parse(body, look, /*allow_exceptions=*/false);
  if (too_deep || value.is_discarded()) return std::nullopt;
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Status ParseEnvelope(const Bytes& body, BufferPool* buffers, OnceCall* out) {
  // Kept between calls; a long body has one of its own, or its memory would stay for ever.
  thread_local simdjson::dom::parser kept;
  std::optional<simdjson::dom::parser> own;
  simdjson::dom::parser& parser = body.size() > kKeepParserBytes ? own.emplace() : kept;
  element root;
  auto error = parser.parse(body.data(), body.size()).get(root);
  if (error == simdjson::NUMBER_ERROR) {
    const std::optional<std::string> plain = WithPlainNumbers(body.view());
    if (plain) error = parser.parse(*plain).get(root);
  }
  if (error != simdjson::SUCCESS || !root.is_object()) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("the body is not a JSON object: ",
                                error == simdjson::SUCCESS ? "it is another JSON value"
                                                           : simdjson::error_message(error)),
                         kCodeBodyNotJson);
  }
  if (auto header = Section(root, "header")) {
    for (const auto [key, value] : *header) {
      if (auto text = ScalarText(value)) out->headers.emplace_back(key, *text);
    }
  }
  if (auto parameter = Section(root, "parameter")) ReadParameters(*parameter, out);
  const auto payload = Section(root, "payload");
  if (!payload) return Status::Ok();  // No payload at all is said by CheckInput.
  for (const auto [key, value] : *payload) {
    object fields;
    if (value.get(fields) != simdjson::SUCCESS) {
      return Conversion(StrCat("payload.", key), "expected an object");
    }
    const Status status =
        ReadPayload(key, fields, buffers, &out->request.payloads.emplace_back());
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

std::string WriteEnvelope(const std::string& sid, const std::vector<Payload>& payloads) {
  size_t size = 256;
  for (const Payload& p : payloads) size += p.data.size() * 4 / 3 + 256;
  std::string out;
  out.reserve(size);
  out += "{\"header\":{\"code\":0,\"status\":3,\"sid\":";
  AppendJsonString(&out, sid);
  out += "},\"payload\":{";
  for (size_t i = 0; i < payloads.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendPayload(&out, payloads[i]);
  }
  out += "}}";
  return out;
}

std::string WriteStreamEnvelope(StreamForm form, const std::string& sid, int status,
                                const Payload* payloads, size_t count) {
  std::string out = "{\"header\":{\"code\":0,";
  if (form == StreamForm::kSocket) out += "\"message\":\"success\",";
  out += "\"sid\":";
  AppendJsonString(&out, sid);
  out += StrCat(",\"status\":", status, '}');
  if (count > 0) out += ",\"payload\":{";
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out.push_back(',');
    AppendPayload(&out, payloads[i], form == StreamForm::kSocket);
  }
  out += count > 0 ? "}}" : "}";
  return out;
}

std::vector<size_t> SplitByKey(const std::vector<Payload>& payloads) {
  std::vector<size_t> ends;
  size_t begin = 0;
  for (size_t i = 0; i < payloads.size(); ++i) {
    for (size_t j = begin; j < i; ++j) {
      if (payloads[j].key != payloads[i].key) continue;
      ends.push_back(i);
      begin = i;
      break;
    }
  }
  if (!payloads.empty()) ends.push_back(payloads.size());
  return ends;
}

std::string WriteStreamError(const std::string& sid, int code, std::string_view message) {
  std::string out = StrCat("{\"header\":{\"code\":", code, ",\"message\":");
  AppendJsonString(&out, message);
  out += ",\"sid\":";
  AppendJsonString(&out, sid);
  out += ",\"status\":2},\"payload\":null}";
  return out;
}

std::string WriteErrorEnvelope(const std::string& sid, int code, std::string_view message) {
  std::string out = StrCat("{\"header\":{\"code\":", code, ",\"sid\":");
  AppendJsonString(&out, sid);
  out += ",\"message\":";
  AppendJsonString(&out, message);
  out += "},\"payload\":null}";
  return out;
}

}  // namespace aiges
