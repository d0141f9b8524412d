// SPDX-License-Identifier: Apache-2.0
// loader/access/token.h: a signed token (JWT, RFC 7515 and 7519) as text, and what it says.
//
// Whether that is so is for others to find out (jwk_set.h, tokens.h): nothing here is checked but
// the form. Pure functions; bounded by the length of the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/base/status.h"

namespace aiges {

struct Token {
  std::string algorithm, key_id;  // Of the header; the second may be empty.
  std::string signature;          // As bytes.
  std::string_view signed_text;   // Of the text that was read.

  std::string issuer;
  std::vector<std::string> audience;
  std::optional<int64_t> expires, not_before;  // Unix seconds.
  std::string id;                              // The claim that says who it is; may be empty.
  // The words of the claim that says what it may; nothing: there is no such claim.
  std::optional<std::vector<std::string>> rights;
};

inline constexpr size_t kMostTokenBytes = 8192;

// Three parts, the first of which begins as JSON does. A key of ours has no such form.
bool LooksLikeToken(std::string_view text);

// `id_claim`, `rights_claim`: names of members. Not ok: it is no token, in words without any of it.
Status ReadToken(std::string_view text, std::string_view id_claim, std::string_view rights_claim,
                 Token* out);

// Base64url without padding (RFC 7515, section 2); nothing where it is none.
std::optional<std::string> DecodeBase64Url(std::string_view text);

}  // namespace aiges
