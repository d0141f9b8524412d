// SPDX-License-Identifier: Apache-2.0
#include "loader/access/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "loader/base/numbers.h"
#include "loader/base/rule_lines.h"
#include "loader/base/strings.h"
#include "loader/front/base64.h"
#include "loader/front/http_types.h"

namespace aiges {
namespace {

constexpr size_t kMostText = 4096;  // Of an authorization, and of a header that is signed.
constexpr size_t kMostHeaders = 16;
constexpr std::string_view kScheme = "hmac ", kRequestLine = "request-line";
constexpr std::string_view kDigest = "sha-256=";

// The words that clients of the gateway, and of Kong, know.
Status Unverified(std::string_view why) {
  return WrongRule(StrCat("HMAC signature cannot be verified: ", why));
}

std::string_view QueryOf(std::string_view target) {
  const size_t at = target.find('?');
  return at == std::string_view::npos ? std::string_view() : target.substr(at + 1);
}

bool IsOfUrlForm(std::string_view name) {
  return name == "authorization" || name == "date" || name == "host";
}

// name="value", with commas between. False: it is not that.
bool ReadParameters(std::string_view text, Pairs* out) {
  for (;;) {
    text = Trimmed(text);
    if (text.empty()) return !out->empty();
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || out->size() >= kMostHeaders) return false;
    std::string name = Lowered(Trimmed(text.substr(0, equals)));
    text = Trimmed(text.substr(equals + 1));
    if (!text.starts_with('"')) return false;
    const size_t end = text.find('"', 1);
    if (end == std::string_view::npos || Find(*out, name) != nullptr) return false;
    out->emplace_back(std::move(name), text.substr(1, end - 1));
    text = Trimmed(text.substr(end + 1));
    if (text.empty()) return true;
    if (!text.starts_with(',')) return false;
    text.remove_prefix(1);
  }
}

Status TakeParameters(const Pairs& parameters, SignedRequest* out) {
  const std::string* key = Find(parameters, "api_key");
  const std::string* name = Find(parameters, "username");
  const std::string* algorithm = Find(parameters, "algorithm");
  const std::string* headers = Find(parameters, "headers");
  const std::string* signature = Find(parameters, "signature");
  if ((key == nullptr) == (name == nullptr) || algorithm == nullptr || headers == nullptr ||
      signature == nullptr) {
    return Unverified("expected api_key (or username), algorithm, headers and signature");
  }
  out->api_key = key != nullptr ? *key : *name;
  if (Lowered(*algorithm) != "hmac-sha256") return Unverified("expected algorithm=\"hmac-sha256\"");
  std::optional<std::string> bytes = DecodeBase64(*signature);
  if (!bytes || bytes->size() != SHA256_DIGEST_LENGTH) {
    return Unverified("expected a signature of 32 bytes in base64");
  }
  out->signature = *std::move(bytes);
  std::string_view rest = Trimmed(*headers);
  while (!rest.empty() && out->headers.size() < kMostHeaders) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    if (!out->Signs(word)) out->headers.push_back(Lowered(word));
    rest = Trimmed(rest.substr(word.size()));
  }
  if (!rest.empty()) return Unverified(StrCat("expected at most ", kMostHeaders, " headers"));
  const bool dated = out->Signs("date") || out->Signs("x-date");
  if (dated && out->Signs("host") && out->Signs(kRequestLine)) return Status::Ok();
  // Without all three a signature would be good for other requests, too.
  return Unverified("expected host, date and request-line among the headers that are signed");
}

// The value of a header that is signed.
std::string_view ValueOf(const RequestHead& head, const SignedRequest& request,
                         std::string_view name) {
  if (name == "host") return request.host;
  if (request.in_url && name == "date") return request.date;
  return head.fields.Find(name);
}

// "SHA-256=<base64>" (RFC 3230).
Status TakeDigest(const RequestHead& head, SignedRequest* out) {
  if (!out->Signs("digest")) return Status::Ok();
  const std::string_view said = Trimmed(head.fields.Find("digest"));
  std::optional<std::string> bytes;
  if (Lowered(said.substr(0, kDigest.size())) == kDigest) {
    bytes = DecodeBase64(said.substr(kDigest.size()));
  }
  if (!bytes || bytes->size() != SHA256_DIGEST_LENGTH) {
    return Unverified("expected Digest: SHA-256=<base64 of 32 bytes>");
  }
  out->digest = *std::move(bytes);
  return Status::Ok();
}

Status TakeUrl(const RequestHead& head, std::string* text, SignedRequest* out) {
  const Pairs query = ParseQuery(QueryOf(head.target()));
  for (const auto& [name, value] : query) {
    std::string* const to = name == "authorization" ? text
                            : name == "date"        ? &out->date
                            : name == "host"        ? &out->host
                                                    : nullptr;
    if (to == nullptr) continue;
    if (!to->empty()) return Unverified(StrCat("expected ?", name, " once, got it again"));
    *to = value;
  }
  if (out->host.empty() || out->date.empty()) {
    return Unverified("expected ?host and ?date beside ?authorization");
  }
  std::optional<std::string> plain = DecodeBase64(*text);
  if (!plain) return Unverified("expected ?authorization in base64");
  *text = *std::move(plain);
  std::string_view rest = *text;
  if (Lowered(rest.substr(0, kScheme.size())) == kScheme) text->erase(0, kScheme.size());
  return Status::Ok();
}

bool TakeNumber(std::string_view text, int least, int most, int* out) {
  return ReadWhole(text, out) && *out >= least && *out <= most;
}

}  // namespace

bool SignedRequest::Signs(std::string_view header) const {
  return std::find(headers.begin(), headers.end(), Lowered(header)) != headers.end();
}

bool BringsSignature(const RequestHead& head) {
  const std::string_view given = head.fields.Find("authorization");
  if (Lowered(given.substr(0, kScheme.size())) == kScheme) return true;
  const std::string_view query = QueryOf(head.target());
  if (query.find("authorization=") == std::string_view::npos) return false;
  return Find(ParseQuery(query), "authorization") != nullptr;
}

Status ReadSignature(const RequestHead& head, SignedRequest* out) {
  const std::string_view given = head.fields.Find("authorization");
  std::string text;
  out->in_url = Lowered(given.substr(0, kScheme.size())) != kScheme;
  if (given.size() > kMostText || QueryOf(head.target()).size() > 4 * kMostText) {
    return Unverified(StrCat("expected at most ", kMostText, " bytes"));
  }
  if (out->in_url) {
    const Status status = TakeUrl(head, &text, out);
    if (!status.ok()) return status;
  } else {
    text = given.substr(kScheme.size());
    out->host = head.fields.Find(":authority");
  }
  Pairs parameters;
  if (!ReadParameters(text, &parameters)) {
    return Unverified("expected name=\"value\" with commas between");
  }
  Status status = TakeParameters(parameters, out);
  if (!status.ok()) return status;
  // The date that is signed, whatever else there is: ?date counts where it is what "date" means.
  if (!out->Signs("date")) {
    out->date = head.fields.Find("x-date");
  } else if (!out->in_url) {
    out->date = head.fields.Find("date");
  }
  for (const std::string& name : out->headers) {
    if (name == kRequestLine) continue;
    const std::string_view value = ValueOf(head, *out, name);
    if (value.empty() || value.size() > kMostText) {
      return Unverified(StrCat("expected the header \"", VisibleRule(name), "\", which is signed"));
    }
  }
  return TakeDigest(head, out);
}

std::vector<std::string> SignedTexts(const RequestHead& head, const SignedRequest& request) {
  std::vector<std::string_view> hosts = {request.host};
  if (const std::string_view bare = WithoutPort(request.host); bare != request.host) {
    hosts.push_back(bare);
  }
  std::vector<std::string_view> paths = {head.path()};
  if (!request.in_url && head.target() != head.path()) paths.push_back(head.target());
  std::vector<std::string> texts;
  for (const std::string_view host : hosts) {
    for (const std::string_view path : paths) {
      std::string text;
      for (const std::string& name : request.headers) {
        if (!text.empty()) text.push_back('\n');
        if (name == kRequestLine) {
          StrAppend(&text, head.method(), ' ', path, " HTTP/1.1");
        } else {
          StrAppend(&text, name, ": ", name == "host" ? host : ValueOf(head, request, name));
        }
      }
      texts.push_back(std::move(text));
    }
  }
  return texts;
}

std::optional<int64_t> ReadHttpDate(std::string_view text) {
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  // "Tue, 01 Dec 2026 09:41:12 GMT": where its parts begin.
  constexpr size_t kSize = 29;
  const auto at = [text](size_t begin, size_t size) { return text.substr(begin, size); };
  if (text.size() != kSize || at(3, 2) != ", " || at(7, 1) != " " || at(11, 1) != " " ||
      at(16, 1) != " " || at(19, 1) != ":" || at(22, 1) != ":") {
    return std::nullopt;
  }
  if (at(25, 4) != " GMT" && at(25, 4) != " UTC") return std::nullopt;
  const size_t day = kDays.find(at(0, 3)), month = kMonths.find(at(8, 3));
  if (day == std::string_view::npos || day % 3 != 0) return std::nullopt;
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  std::tm t{};
  int year = 0;
  if (!TakeNumber(at(5, 2), 1, 31, &t.tm_mday) || !TakeNumber(at(12, 4), 1970, 9999, &year) ||
      !TakeNumber(at(17, 2), 0, 23, &t.tm_hour) || !TakeNumber(at(20, 2), 0, 59, &t.tm_min) ||
      !TakeNumber(at(23, 2), 0, 60, &t.tm_sec)) {
    return std::nullopt;
  }
  t.tm_mon = static_cast<int>(month / 3);
  t.tm_year = year - 1900;
  return static_cast<int64_t>(::timegm(&t));
}

std::string WithoutSignature(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  std::string out(path);
  char between = '?';
  for (std::string_view rest = QueryOf(target); !rest.empty();) {
    const std::string_view item = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    const std::string name = PercentDecode(item.substr(0, item.find('=')), /*plus_is_space=*/true);
    if (IsOfUrlForm(name)) continue;
    StrAppend(&out, between, item);
    between = '&';
  }
  return out;
}

std::string HmacSha256(std::string_view secret, std::string_view text) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  unsigned size = 0;
  ::HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(out.data()), &size);
  return out;
}

std::string_view WithoutPort(std::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos) {
    return host;
  }
  return host.substr(0, colon);
}

}  // namespace aiges
