// SPDX-License-Identifier: Apache-2.0
#include "loader/access/page_logins.h"

#include <algorithm>
#include <utility>

#include "loader/access/sha256.h"
#include "loader/base/random.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

// Browsers send it to paths of the loader's own alone, so no engine sees it.
constexpr std::string_view kName = "aiges_login", kPath = "/-/";
constexpr size_t kBytes = 32;

std::string RandomText() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < kBytes / sizeof(uint64_t); ++i) {
    uint64_t bits = RandomBits();
    for (int digit = 0; digit < 16; ++digit, bits >>= 4) out.push_back(kHex[bits & 15]);
  }
  return out;
}

}  // namespace

std::string PageLogins::Add(const Proof& proof, Credentials::Basis basis, int64_t now) {
  while (order_.size() >= kMost) {
    logins_.erase(order_.front());
    order_.pop_front();
  }
  std::string cookie = RandomText();
  std::string hash = Sha256(cookie);
  order_.push_back(hash);
  logins_[std::move(hash)] = {proof.grant, std::move(basis), std::min(proof.until, now + kLasts)};
  return cookie;
}

GrantRef PageLogins::Find(std::string_view cookie, const Credentials::Basis& basis, int64_t now) {
  if (cookie.size() != 2 * kBytes) return nullptr;
  const auto found = logins_.find(Sha256(cookie));
  if (found == logins_.end()) return nullptr;
  if (found->second.basis == basis && now < found->second.until) return found->second.grant;
  logins_.erase(found);
  return nullptr;
}

void PageLogins::Remove(std::string_view cookie) { logins_.erase(Sha256(cookie)); }

std::string_view LoginCookie(std::string_view field) {
  while (!field.empty()) {
    const std::string_view item = field.substr(0, field.find(';'));
    field.remove_prefix(std::min(field.size(), item.size() + 1));
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos || Trimmed(item.substr(0, equals)) != kName) continue;
    return Trimmed(item.substr(equals + 1));
  }
  return {};
}

std::string SetCookie(std::string_view value, bool secure) {
  return StrCat(kName, '=', value, "; Path=", kPath, "; HttpOnly; SameSite=Strict",
                secure ? "; Secure" : "", "; Max-Age=", value.empty() ? 0 : PageLogins::kLasts);
}

}  // namespace aiges
