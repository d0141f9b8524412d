// SPDX-License-Identifier: Apache-2.0
// xtest/sid.h: names of calls, as the product's other clients make them: 32 characters, of which
// the first three say who asks (sub).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aiges {

// Belongs to one thread; two generators with different `source` never make the same sid at one
// time.
class SidSource {
 public:
  SidSource(std::string_view sub, uint16_t source);
  // sub, 4 hex of the source, 4 hex of a counter, "@hu", 11 hex of Unix milliseconds, "0001500".
  void Make(uint64_t unix_ms, std::string* out);

 private:
  std::string sub_;
  uint16_t source_, number_ = 0;
};

}  // namespace aiges
