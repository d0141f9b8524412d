// SPDX-License-Identifier: Apache-2.0
// loader/access/page_logins.h: browsers that have shown who they are, and may read pages.
//
// Each is known by 256 random bits in a cookie; only their hash is kept. A login ends after some
// hours, with the token it came of, when what it rests on changes (Credentials::basis), or when too
// many others have come. Caller synchronises.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "loader/access/credentials.h"
#include "loader/base/keyed_hash.h"

namespace aiges {

class PageLogins {
 public:
  static constexpr size_t kMost = 1000;  // Then the oldest one ends.
  static constexpr int64_t kLasts = 8 * 3600;

  // What the cookie has. `now`: Unix seconds.
  std::string Add(const Proof& proof, Credentials::Basis basis, int64_t now);
  // Nothing: none, or it is over.
  GrantRef Find(std::string_view cookie, const Credentials::Basis& basis, int64_t now);
  void Remove(std::string_view cookie);
  size_t size() const { return logins_.size(); }

 private:
  struct Login {
    GrantRef grant;
    Credentials::Basis basis;
    int64_t until = 0;
  };
  std::unordered_map<std::string, Login, KeyedHash> logins_;
  std::deque<std::string> order_;  // The oldest first; also of some that have ended.
};

// The value of our cookie in a Cookie field; empty: there is none.
std::string_view LoginCookie(std::string_view field);
// The field that sets it; an empty value takes it back. `secure`: it came by TLS.
std::string SetCookie(std::string_view value, bool secure);

}  // namespace aiges
