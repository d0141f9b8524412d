// SPDX-License-Identifier: Apache-2.0
// loader/protocols/load_header.h: how busy the loader is, said with its answers, for those who
// choose between loaders. ORCA: gRPC proposal A51 names the trailer, Envoy the HTTP header and its
// TEXT form.
//
// A trailer costs client and server about 2 us, a tenth of a small call at full speed, and tells
// nothing new: of gRPC answers at most one a millisecond carries it, so all do below that rate.
// Thread-safe. Looks at the service ten times a second at most; in between it is a string to copy.
#pragma once

#include <atomic>
#include <string>

#include "loader/api/service.h"
#include "loader/base/clock.h"
#include "loader/base/mutex.h"

namespace aiges {

class LoadHeader {
 public:
  static constexpr const char* kTrailer = "endpoint-load-metrics-bin";
  static constexpr const char* kHeader = "endpoint-load-metrics";

  explicit LoadHeader(const Service* service) : service_(*service) {}

  // A serialised OrcaLoadReport; empty when another answer has just carried one.
  std::string Binary(TimePoint now);
  std::string Text(TimePoint now);  // "TEXT name=value, ..."

 private:
  void Refresh(TimePoint now) REQUIRES(mu_);

  const Service& service_;
  std::atomic<int64_t> next_ns_{0};
  Mutex mu_;
  TimePoint looked_ GUARDED_BY(mu_);
  uint64_t answered_ GUARDED_BY(mu_) = 0, failed_ GUARDED_BY(mu_) = 0;
  std::string binary_ GUARDED_BY(mu_), text_ GUARDED_BY(mu_);
};

}  // namespace aiges
