// SPDX-License-Identifier: Apache-2.0
// loader/base/random.h: bits that nobody can guess, also not from those drawn before.
//
// From the kernel (getrandom(2)), a few hundred bytes at a time, as one call of it costs as much as
// the rest of a small request. Thread-safe: each thread has a stock of its own.
#pragma once

#include <sys/random.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace aiges {

inline uint64_t RandomBits() {
  // Up to 256 bytes come whole, whatever signals arrive (getrandom(2)).
  thread_local uint64_t stock[32];
  thread_local size_t left = 0;
  if (left == 0) {
    if (::getrandom(stock, sizeof stock, 0) != sizeof stock) std::abort();  // No such kernel.
    left = sizeof stock / sizeof stock[0];
  }
  return std::exchange(stock[--left], 0);
}

}  // namespace aiges
