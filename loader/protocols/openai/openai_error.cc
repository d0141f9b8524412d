// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/openai/openai_error.h"

#include <algorithm>

#include "loader/api/codes.h"
#include "loader/base/strings.h"
#include "loader/front/json_string.h"

namespace aiges {
namespace {

constexpr std::string_view kExpected = ": expected ";
constexpr size_t kLongestParam = 100;

bool IsInName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '[' ||
         c == ']';
}

// "messages[0].role" of "messages[0].role: expected a string, got none"; else empty.
std::string_view ParamOf(std::string_view text) {
  const std::string_view name = text.substr(0, std::min(text.find(kExpected), text.size()));
  const bool is_one = name.size() < text.size() && !name.empty() && name.size() <= kLongestParam &&
                      name[0] >= 'a' && name[0] <= 'z' &&
                      std::all_of(name.begin(), name.end(), IsInName);
  return is_one ? name : std::string_view();
}

// Behind the text stands the code of the engine; those of the Python shim itself (30001 and on) say
// nothing that the kind does not.
std::string_view WithoutShimCode(std::string_view text) {
  constexpr std::string_view kCode = ";code=3000";
  const size_t at = text.rfind(kCode);
  const bool is_one = at != std::string_view::npos && at + kCode.size() + 1 == text.size();
  return is_one ? text.substr(0, at) : text;
}

const char* TypeOf(int http_status) {
  if (http_status == 401) return "authentication_error";
  if (http_status == 403) return "permission_error";
  if (http_status == 429) return "rate_limit_error";
  return http_status < 500 ? "invalid_request_error" : "server_error";
}

// In OpenAI's words; nullptr: it has none for that.
const char* WordOf(int http_status, int code) {
  switch (http_status) {
    case 401:
      return "invalid_api_key";
    case 403:
      return "permission_denied";
    case 404:
      return code == kCodeInvalidOutput ? "model_not_found" : nullptr;
    case 408:
    case 504:
      return "timeout";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_exceeded";
    case 503:
      return "service_unavailable";
    default:
      return nullptr;
  }
}

std::string Write(int http_status, std::string_view text, int code) {
  text = WithoutShimCode(text);
  const char* const word = WordOf(http_status, code);
  std::string_view param = http_status == 400 ? ParamOf(text) : std::string_view();
  if (http_status == 404 && word != nullptr) param = "model";
  std::string out = R"({"error":{"message":)";
  AppendJsonString(&out, text);
  StrAppend(&out, R"(,"type":")", TypeOf(http_status), R"(","param":)");
  if (param.empty()) {
    out += "null";
  } else {
    AppendJsonString(&out, param);
  }
  if (word == nullptr) {
    out += R"(,"code":null}})";
  } else {
    StrAppend(&out, R"(,"code":")", word, R"("}})");
  }
  return out;
}

}  // namespace

std::string WriteOpenAiError(const Status& status) {
  return Write(HttpStatusOf(status), status.text, CodeOf(status));
}

HttpResponse OpenAiRefusal(int http_status, std::string_view text, int code) {
  HttpResponse r =
      HttpResponse::Text(http_status, "application/json", Write(http_status, text, code));
  if (http_status == 429 || http_status == 503) r.headers.emplace_back("Retry-After", "1");
  return r;
}

HttpResponse OpenAiRefusal(const Status& status) {
  return OpenAiRefusal(HttpStatusOf(status), status.text, CodeOf(status));
}

}  // namespace aiges
