// loader/ingress/load_header.h: how busy the loader is, said with every answer, for those who choose
// between loaders. ORCA: gRPC proposal A51 names the trailer, Envoy the HTTP header and its TEXT form.
//
// Thread-safe. Looks at the service ten times a second at most; in between it is a string to copy.
#pragma once

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

  std::string Binary(TimePoint now);  // A serialised OrcaLoadReport.
  std::string Text(TimePoint now);    // "TEXT name=value, ..."

 private:
  void Refresh(TimePoint now) REQUIRES(mu_);

  const Service& service_;
  Mutex mu_;
  TimePoint looked_ GUARDED_BY(mu_);
  uint64_t answered_ GUARDED_BY(mu_) = 0, failed_ GUARDED_BY(mu_) = 0;
  std::string binary_ GUARDED_BY(mu_), text_ GUARDED_BY(mu_);
};

}  // namespace aiges
