// SPDX-License-Identifier: Apache-2.0
// loader/registry/consul_api.h: what both halves of the Consul backend share.
#pragma once

#include <chrono>
#include <random>
#include <string>

#include "loader/api/report.h"
#include "loader/base/mutex.h"
#include "loader/outbound/http_loop.h"

namespace aiges {

// Of an answer that Consul does not hold back.
constexpr std::chrono::milliseconds kConsulLimit{3000};

// Pauses that double after each failure, spread so that loaders that failed together do not come
// back together. Caller synchronises.
class Pauses {
 public:
  void Reset() { next_ = kFirst; }
  std::chrono::milliseconds Next() {
    const auto pause =
        std::uniform_int_distribution<int64_t>(next_.count() / 2, next_.count())(random_);
    next_ = std::min(next_ * 2, kLongest);
    return std::chrono::milliseconds(pause);
  }
  // Between 0 and `most`.
  std::chrono::milliseconds Jitter(std::chrono::milliseconds most) {
    return std::chrono::milliseconds(
        std::uniform_int_distribution<int64_t>(0, most.count())(random_));
  }

 private:
  static constexpr std::chrono::milliseconds kFirst{200}, kLongest{3000};
  std::chrono::milliseconds next_ = kFirst;
  std::mt19937 random_{std::random_device{}()};
};

// Counts answers and remembers the last problem; logs a problem when it is new and when it is over.
// Thread-safe.
class ConsulHealth {
 public:
  void Note(const char* what, const HttpGot& got);
  void SetRegistered(bool registered, const std::string& id);
  RegistryReport Report() const;

 private:
  mutable Mutex mu_;
  RegistryReport report_ GUARDED_BY(mu_);
};

// A path segment or a key, with '/' kept.
std::string UrlPath(const std::string& text);

}  // namespace aiges
