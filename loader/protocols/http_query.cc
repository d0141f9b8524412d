// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/http_query.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "loader/api/codes.h"
#include "loader/base/nearest.h"
#include "loader/base/numbers.h"

namespace aiges {
namespace {

// What gateways in front of us read from the address: signatures, and deploy/haproxy the app.
constexpr std::string_view kOfGateways[] = {"app_id", "authorization", "date", "host", "serviceId"};

Status Wrong(std::string text) {
  return Status::Error(StatusKind::kInvalid, std::move(text), kCodeConversion);
}

bool IsPrefix(std::string_view name) { return name.back() == '.'; }

bool IsKnown(std::string_view key, const QueryNames& names) {
  const auto matches = [key](std::string_view name) {
    return IsPrefix(name) ? key.size() > name.size() && key.substr(0, name.size()) == name
                          : key == name;
  };
  return std::any_of(names.begin(), names.end(), matches) || IsOfGateways(key);
}

std::string Listed(const QueryNames& names) {
  std::string out;
  for (const std::string_view name : names) {
    out += StrCat(out.empty() ? "" : ", ", name, IsPrefix(name) ? "<name>" : "");
  }
  return out.empty() ? "none" : out;
}

std::string Meant(const std::string& key, const QueryNames& names, const EngineSchema* schema) {
  if (schema != nullptr && schema->parameters().contains(key)) return "p." + key;
  std::vector<std::string> candidates;
  for (const std::string_view name : names) {
    if (!IsPrefix(name)) candidates.emplace_back(name);
  }
  return Nearest(key, candidates);
}

Status CheckKeys(const Pairs& query, const QueryNames& names, const EngineSchema* schema) {
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : query) {
    keys.push_back(key);
    if (IsKnown(key, names)) continue;
    return Wrong(StrCat('?', key, ": unknown; expected ", Listed(names),
                        DidYouMean(Meant(key, names, schema))));
  }
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return Status::Ok();
  return Wrong(StrCat('?', *twice, ": expected once, got it again"));
}

const QueryNames& NamesOf(CallForm form) {
  static const QueryNames envelope = {"timeout_ms"};
  static const QueryNames of_form = {"key", "type", "timeout_ms", "p.", "desc."};
  static const QueryNames plain = {"timeout_ms", "p."};
  static const QueryNames raw = {"key", "type", "output", "timeout_ms", "p.", "desc."};
  switch (form) {
    case CallForm::kEnvelope:
      return envelope;
    case CallForm::kForm:
      return of_form;
    case CallForm::kPlain:
      return plain;
    case CallForm::kRaw:
      break;
  }
  return raw;
}

Status ReadType(const std::string& text, std::optional<DataType>* out) {
  const DataType type = DataTypeOf(text);
  if (text != NameOf(type)) {
    return Wrong(StrCat("type: expected text, audio, image, video or other, got ", text));
  }
  *out = type;
  return Status::Ok();
}

}  // namespace

bool IsOfGateways(std::string_view key) {
  return std::find(std::begin(kOfGateways), std::end(kOfGateways), key) != std::end(kOfGateways);
}

Status ReadTimeout(const std::string& text, std::optional<int64_t>* out) {
  int64_t ms = 0;
  if (!ReadWhole(text, &ms) || ms < 1) {
    return Wrong(StrCat("timeout_ms: expected a positive integer, got ", text));
  }
  *out = ms;
  return Status::Ok();
}

Status CheckQuery(const Pairs& query, const QueryNames& names) {
  return CheckKeys(query, names, nullptr);
}

Status ReadCallQuery(const Pairs& query, CallForm form, const EngineSchema& schema,
                     CallQuery* out) {
  Status status = CheckKeys(query, NamesOf(form), &schema);
  for (const auto& [name, value] : query) {
    if (!status.ok()) return status;
    if (name == "key") {
      out->key = value;
    } else if (name == "type") {
      status = ReadType(value, &out->type);
    } else if (name == "output") {
      out->output = value;
    } else if (name == "timeout_ms") {
      status = ReadTimeout(value, &out->timeout_ms);
    } else if (name.rfind("p.", 0) == 0) {
      out->params.emplace_back(name.substr(2), value);
    } else if (name.rfind("desc.", 0) == 0) {
      out->desc.emplace_back(name.substr(5), value);
    }
  }
  return status;
}

}  // namespace aiges
