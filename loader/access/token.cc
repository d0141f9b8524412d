// SPDX-License-Identifier: Apache-2.0
#include "loader/access/token.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "loader/access/json_object.h"
#include "loader/base/rule_lines.h"
#include "loader/base/strings.h"
#include "loader/front/base64.h"

namespace aiges {
namespace {

using nlohmann::json;

constexpr size_t kMostWords = 1000;
constexpr double kMostSeconds = 1e12;  // Far beyond any clock, and well within int64_t.

Status NoToken(std::string_view what) { return WrongRule(StrCat("the token is none: ", what)); }

// NumericDate may have a fraction (RFC 7519, section 2).
bool ReadSeconds(const json& claims, const char* name, std::optional<int64_t>* out) {
  const auto found = claims.find(name);
  if (found == claims.end()) return true;
  if (!found->is_number()) return false;
  const double seconds = found->get<double>();
  if (!std::isfinite(seconds) || std::abs(seconds) > kMostSeconds) return false;
  *out = static_cast<int64_t>(std::floor(seconds));
  return true;
}

bool ReadText(const json& object, std::string_view name, std::string* out) {
  const auto found = object.find(name);
  if (found == object.end()) return true;
  if (!found->is_string()) return false;
  *out = found->get<std::string>();
  return true;
}

// A text, or a list of some.
bool ReadTexts(const json& value, std::vector<std::string>* out) {
  if (value.is_string()) {
    out->push_back(value.get<std::string>());
    return true;
  }
  if (!value.is_array() || value.size() > kMostWords) return false;
  for (const json& one : value) {
    if (!one.is_string()) return false;
    out->push_back(one.get<std::string>());
  }
  return true;
}

// "a b c" (RFC 6749, section 3.3), or a list.
bool ReadWords(const json& value, std::vector<std::string>* out) {
  if (!value.is_string()) return ReadTexts(value, out);
  const std::string& text = value.get_ref<const std::string&>();
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) out->push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out->size() <= kMostWords;
}

Status ReadHeader(const json& header, Token* out) {
  if (!ReadText(header, "alg", &out->algorithm) || !ReadText(header, "kid", &out->key_id)) {
    return NoToken("expected texts for \"alg\" and \"kid\"");
  }
  // What must be understood, and is not (RFC 7515, section 4.1.11).
  if (header.contains("crit")) return NoToken("expected no \"crit\" in its header");
  return Status::Ok();
}

Status ReadClaims(const json& claims, std::string_view id_claim, std::string_view rights_claim,
                  Token* out) {
  if (!ReadText(claims, "iss", &out->issuer)) return NoToken("expected a text for \"iss\"");
  if (const auto found = claims.find("aud");
      found != claims.end() && !ReadTexts(*found, &out->audience)) {
    return NoToken("expected a text or a list of them for \"aud\"");
  }
  if (!ReadSeconds(claims, "exp", &out->expires) || !ReadSeconds(claims, "nbf", &out->not_before)) {
    return NoToken("expected numbers for \"exp\" and \"nbf\"");
  }
  if (!ReadText(claims, id_claim, &out->id)) {
    return NoToken(StrCat("expected a text for \"", id_claim, '"'));
  }
  const auto rights = rights_claim.empty() ? claims.end() : claims.find(rights_claim);
  if (rights != claims.end() && !ReadWords(*rights, &out->rights.emplace())) {
    return NoToken(StrCat("expected words or a list of them for \"", rights_claim, '"'));
  }
  return Status::Ok();
}

}  // namespace

std::optional<std::string> DecodeBase64Url(std::string_view text) {
  std::string plain(text);
  for (char& c : plain) {
    if (c == '+' || c == '/' || c == '=') return std::nullopt;
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  if (plain.size() % 4 == 1) return std::nullopt;
  plain.append((4 - plain.size() % 4) % 4, '=');
  return DecodeBase64(plain);
}

bool LooksLikeToken(std::string_view text) {
  return text.starts_with("ey") && std::count(text.begin(), text.end(), '.') == 2;
}

Status ReadToken(std::string_view text, std::string_view id_claim, std::string_view rights_claim,
                 Token* out) {
  if (text.size() > kMostTokenBytes) {
    return NoToken(StrCat("expected at most ", kMostTokenBytes, " bytes, got ", text.size()));
  }
  const size_t first = text.find('.');
  const size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos) {
    return NoToken("expected three parts with dots between");
  }
  const auto header = DecodeBase64Url(text.substr(0, first));
  const auto claims = DecodeBase64Url(text.substr(first + 1, second - first - 1));
  auto signature = DecodeBase64Url(text.substr(second + 1));
  if (!header || !claims || !signature) return NoToken("expected parts in base64url");
  json object;
  if (!ParseObject(*header, &object)) return NoToken("expected a JSON object as its header");
  Status status = ReadHeader(object, out);
  if (!status.ok()) return status;
  if (!ParseObject(*claims, &object)) return NoToken("expected a JSON object as its claims");
  status = ReadClaims(object, id_claim, rights_claim, out);
  out->signature = *std::move(signature);
  out->signed_text = text.substr(0, second);
  return status;
}

}  // namespace aiges
