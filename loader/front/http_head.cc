// SPDX-License-Identifier: Apache-2.0
#include "loader/front/http_head.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>

#include "loader/front/json_string.h"

namespace aiges {
namespace {

namespace http = boost::beast::http;

constexpr size_t kUsualHead = 512;

bool IsControl(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

// "content-type" -> "Content-Type".
void AppendName(std::string* out, std::string_view name) {
  bool first = true;
  for (const char c : name) {
    out->push_back(first && c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c);
    first = c == '-';
  }
}

void AppendField(std::string* out, std::string_view name, std::string_view value) {
  AppendName(out, name);
  *out += ": ";
  const size_t begin = out->size();
  *out += value;
  std::replace_if(out->begin() + static_cast<std::ptrdiff_t>(begin), out->end(), IsControl, ' ');
  *out += "\r\n";
}

}  // namespace

std::string_view OriginForm(std::string_view target, std::string_view* authority) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const size_t end = std::min(target.find_first_of("/?"), target.size());
    *authority = target.substr(0, end);
    target.remove_prefix(end);
    return target.empty() ? "/" : target;
  }
  return target;
}

HttpResponse ConnectionError(int status, std::string_view message, int code) {
  std::string body = StrCat("{\"header\":{\"code\":", code == 0 ? status : code, ",\"message\":");
  AppendJsonString(&body, message);
  body += "},\"payload\":null}";
  HttpResponse r = HttpResponse::Text(status, "application/json", std::move(body));
  if (status == 429 || status == 503) r.headers.emplace_back("Retry-After", "1");
  return r;
}

void AppendFields(std::string* out, const Fields& fields) {
  for (const Fields::Field f : fields) AppendField(out, f.name, f.value);
}

void AppendHead(std::string* out, int status, const Fields& fields, const H1Framing& framing) {
  const auto reason = http::obsolete_reason(static_cast<http::status>(status));
  out->reserve(out->size() + kUsualHead);
  StrAppend(out, "HTTP/1.1 ", status, ' ', std::string_view(reason.data(), reason.size()), "\r\n");
  AppendFields(out, fields);
  if (framing.length) {
    StrAppend(out, "Content-Length: ", *framing.length, "\r\n");
  } else if (framing.chunked) {
    *out += "Transfer-Encoding: chunked\r\n";
  }
  if (!framing.connection.empty()) AppendField(out, "connection", framing.connection);
  *out += "\r\n";
}

std::string LastAnswer(const HttpResponse& response) {
  Fields fields;
  fields.Add("content-type", response.content_type);
  for (const auto& [name, value] : response.headers) fields.Add(Lowered(name), value);
  uint64_t length = 0;
  for (const Bytes& piece : response.body) length += piece.size();
  std::string out;
  AppendHead(&out, response.status, fields, {length, false, "close"});
  for (const Bytes& piece : response.body) out += piece.view();
  return out;
}

}  // namespace aiges
