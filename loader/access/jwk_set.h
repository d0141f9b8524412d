// SPDX-License-Identifier: Apache-2.0
// loader/access/jwk_set.h: the public keys of who signs tokens (JWKS, RFC 7517).
//
// RS256, ES256 and EdDSA (Ed25519), no others: a key says which one it is for, and a token that
// names another is wrong, whatever its signature (RFC 8725, section 3.1). Keys of other kinds, and
// those for other uses, are left out. Immutable; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loader/access/token.h"
#include "loader/base/status.h"

struct evp_pkey_st;

namespace aiges {

class JwkSet {
 public:
  static constexpr size_t kMostKeys = 100;
  static constexpr size_t kMostBytes = 1 << 20;

  enum class Verdict {
    kGood,
    kWrong,       // The signature is not of that key.
    kUnknownKey,  // None of that id.
    kUnclear,     // The token names none, and several might be meant.
    kForbidden,   // Signed in a way that is not taken, or not with that kind of key.
  };

  // Not ok: it is none, has a private key in it, or none that can be used.
  static Status Parse(std::string_view text, std::shared_ptr<const JwkSet>* out);

  Verdict Check(const Token& token) const;
  size_t size() const { return keys_.size(); }

 private:
  struct Key {
    std::string id, algorithm;
    std::shared_ptr<evp_pkey_st> key;
  };

  const Key* Find(const Token& token, Verdict* why) const;

  std::vector<Key> keys_;
};

}  // namespace aiges
