// SPDX-License-Identifier: Apache-2.0
// loader/access/sha256.h: under what secrets are kept. A pure function; thread-safe.
#pragma once

#include <openssl/sha.h>

#include <string>
#include <string_view>

namespace aiges {

// 32 bytes.
inline std::string Sha256(std::string_view text) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

}  // namespace aiges
