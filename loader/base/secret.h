// SPDX-License-Identifier: Apache-2.0
// loader/base/secret.h: whether what somebody gives is a secret. A pure function; thread-safe.
#pragma once

#include <cstddef>
#include <string_view>

namespace aiges {

// In a time that tells nothing of where they differ. False for an empty secret.
inline bool IsSameSecret(std::string_view given, std::string_view secret) {
  if (secret.empty()) return false;
  unsigned char differ = given.size() != secret.size();
  for (size_t i = 0; i < given.size(); ++i) {
    differ |= static_cast<unsigned char>(given[i] ^ secret[i % secret.size()]);
  }
  return differ == 0;
}

}  // namespace aiges
