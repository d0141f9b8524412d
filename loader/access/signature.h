// SPDX-License-Identifier: Apache-2.0
// loader/access/signature.h: how clients of the iFlytek gateway sign a request (HMAC-SHA256, as
// Kong's hmac-auth has it), as text.
//
//   header form  Date, Digest, "Authorization: hmac api_key="..", algorithm="hmac-sha256",
//                headers="host date request-line", signature="..""
//   URL form     ?host=..&date=..&authorization=<base64 of the same, without "hmac ">
//
// "username" is the same as "api_key". What is signed are lines in the order of `headers`:
// "<name>: <value>", and "<method> <path> HTTP/1.1" for request-line. Pure functions, bounded by
// the length of what they read; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/base/status.h"
#include "loader/front/exchange.h"

namespace aiges {

struct SignedRequest {
  bool in_url = false;
  std::string api_key;
  std::string signature;             // As bytes.
  std::vector<std::string> headers;  // In lower case, in the order that is signed.
  std::string host, date;            // As they are signed.
  std::string digest;                // SHA-256 that the body must have; empty: it is not signed.

  bool Signs(std::string_view header) const;
};

// Whether the head brings one at all, right or wrong.
bool BringsSignature(const RequestHead& head);
// Not ok: it cannot be verified, and why. Nothing of it is in the words.
Status ReadSignature(const RequestHead& head, SignedRequest* out);

// What may have been signed: clients sign the host with its port or without, and the path with its
// query or, as the gateway has it, without. At least one, at most four.
std::vector<std::string> SignedTexts(const RequestHead& head, const SignedRequest& request);

// "Tue, 01 Dec 2026 09:41:12 GMT", also "UTC"; Unix seconds. Nothing: it is none.
std::optional<int64_t> ReadHttpDate(std::string_view text);

// A target without what the URL form adds.
std::string WithoutSignature(std::string_view target);

std::string HmacSha256(std::string_view secret, std::string_view text);
// "api.example:8443" -> "api.example".
std::string_view WithoutPort(std::string_view host);

}  // namespace aiges
