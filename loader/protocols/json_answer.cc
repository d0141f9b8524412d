// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/json_answer.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "loader/base/keyed_hash.h"
#include "loader/front/base64.h"
#include "loader/front/json_string.h"
#include "loader/protocols/engine_schema.h"
#include "loader/protocols/json_body.h"
#include "loader/protocols/json_codec.h"

namespace aiges {
namespace {

constexpr std::string_view kAttribute = "desc.";

bool NeedsAnotherName(const std::string& attribute) {
  return IsDataMember(attribute) || attribute.rfind(kAttribute, 0) == 0 || !IsUtf8(attribute);
}

// The attributes by the names that they have in JSON, each once: of two keys that look the same
// there, the last one's.
Pairs Renamed(const Pairs& attributes) {
  Pairs out;
  for (const auto& [key, value] : attributes) {
    std::string name = VisibleUtf8(key);
    if (NeedsAnotherName(name)) name.insert(0, kAttribute);
    out.emplace_back(std::move(name), value);
  }
  KeepLast(&out);
  return out;
}

void AppendPairs(std::string* out, const Pairs& pairs) {
  for (const auto& [key, value] : pairs) {
    AppendJsonString(out, key);
    out->push_back(':');
    AppendJsonString(out, value);
    out->push_back(',');
  }
}

void AppendAttributes(std::string* out, const Pairs& attributes) {
  const bool rename = std::any_of(attributes.begin(), attributes.end(), [](const auto& attribute) {
    return NeedsAnotherName(attribute.first);
  });
  AppendPairs(out, rename ? Renamed(attributes) : attributes);
}

void AppendData(std::string* out, const Payload& p, bool for_socket) {
  const std::string_view data = p.data.view();
  const std::string* format = for_socket ? Find(p.desc, "format") : nullptr;
  const bool inlined = format != nullptr && *format == "json" && IsJson(data);
  const bool is_text = p.type == DataType::kText && !for_socket;
  const bool plain = is_text && IsUtf8(data);
  AppendJsonString(out, is_text && !plain ? kTextBase64 : NameOf(p.type));
  out->push_back(':');
  if (inlined) {
    out->append(data);
  } else if (plain) {
    AppendJsonString(out, data);
  } else {
    out->push_back('"');
    AppendBase64(out, data);
    out->push_back('"');
  }
}

void AppendObject(std::string* out, const Payload& p, bool for_socket = false) {
  out->push_back('{');
  AppendAttributes(out, p.desc);
  AppendData(out, p, for_socket);
  out->push_back('}');
}

}  // namespace

std::string WriteEnvelope(const std::string& sid, const OutputsByKey& outputs) {
  size_t size = 256;
  for (const auto& group : outputs) {
    for (const Payload& p : group) size += p.data.size() * 4 / 3 + 256;
  }
  std::string out;
  out.reserve(size);
  out += "{\"header\":{\"code\":0,\"status\":3,\"sid\":";
  AppendJsonString(&out, sid);
  out += "},\"payload\":{";
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::vector<Payload>& group = outputs[i];
    if (i > 0) out.push_back(',');
    AppendJsonString(&out, group.front().key);
    out.push_back(':');
    if (group.size() > 1) out.push_back('[');
    for (size_t j = 0; j < group.size(); ++j) {
      if (j > 0) out.push_back(',');
      AppendObject(&out, group[j]);
    }
    if (group.size() > 1) out.push_back(']');
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
    AppendJsonString(&out, payloads[i].key);
    out.push_back(':');
    AppendObject(&out, payloads[i], form == StreamForm::kSocket);
  }
  out += count > 0 ? "}}" : "}";
  return out;
}

std::vector<size_t> SplitByKey(const std::vector<Payload>& payloads) {
  if (payloads.size() == 1) return {1};
  std::vector<size_t> ends;
  std::unordered_set<std::string, KeyedHash> seen;  // Of the group, as they stand in JSON.
  for (size_t i = 0; i < payloads.size(); ++i) {
    std::string key = VisibleUtf8(payloads[i].key);
    if (seen.count(key) != 0) {
      ends.push_back(i);
      seen.clear();
    }
    seen.insert(std::move(key));
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
