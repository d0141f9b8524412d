// SPDX-License-Identifier: Apache-2.0
// loader/access/tokens.h: who a signed token is of, by [access] jwks and what it says of itself.
//
// What has been found out of a token holds until it expires or the keys change: a call with one
// that was here before costs a hash. Who has none of the rights of the claim has none at all.
// Belongs to the lane, but Load and Look (jwks_source.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "loader/access/grant.h"
#include "loader/access/jwks_source.h"
#include "loader/base/keyed_hash.h"
#include "loader/base/status.h"

namespace aiges {

// What has been found out, for as long as it holds: two halves, of which the older one goes as a
// whole when the younger one is full.
class TokenCache {
 public:
  static constexpr size_t kMost = 4096;  // Of a half.

  struct Known {
    GrantRef grant;
    int64_t until = 0;  // Unix seconds.
  };

  // Without a grant: not known, or over. `hash`: of the token.
  Known Find(const std::string& hash, int64_t now);
  void Keep(std::string hash, Known known);
  void Clear();
  size_t size() const { return young_.size() + old_.size(); }

 private:
  using Half = std::unordered_map<std::string, Known, KeyedHash>;
  Half young_, old_;
};

class Tokens {
 public:
  explicit Tokens(const JwtSettings& settings) : settings_(settings), source_(settings) {}

  bool on() const { return settings_.on(); }
  // Not ok: a file that cannot be used, or rights of the settings that are none.
  Status Load(const Tokens* before = nullptr);  // As JwksSource has it.
  void Look() { source_.Look(); }
  // What all that has been found out rests on; changes with it.
  std::shared_ptr<const void> basis() const { return source_.Now(); }

  // `now`: Unix seconds. Not ok: why it is nobody's; nothing of the token is in the words but what
  // it says of times. `until`: when it expires.
  Status Check(std::string_view text, int64_t now, GrantRef* out, int64_t* until);

 private:
  Status CheckClaims(const Token& token, int64_t now) const;
  Status CheckSignature(const Token& token, const JwkSet* keys);
  GrantRef GrantOf(const Token& token) const;

  const JwtSettings settings_;
  JwksSource source_;
  Grant default_;                       // The rights of a token that has no such claim.
  std::shared_ptr<const JwkSet> keys_;  // That the cache is of.
  TokenCache cache_;
};

}  // namespace aiges
