// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/load_header.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "orca.pb.h"

namespace aiges {
namespace {

constexpr std::chrono::milliseconds kFresh{100};
constexpr std::chrono::milliseconds kTrailerEvery{1};

}  // namespace

void LoadHeader::Refresh(TimePoint now) {
  if (!binary_.empty() && now - looked_ < kFresh) return;
  const LoadReport load = service_.Load();
  const double seconds = std::chrono::duration<double>(now - looked_).count();
  const bool first = looked_ == TimePoint();
  const double rps = first ? 0 : static_cast<double>(load.answered - answered_) / seconds;
  const double eps = first ? 0 : static_cast<double>(load.failed - failed_) / seconds;
  const double used =
      static_cast<double>(load.used) / static_cast<double>(std::max(load.slots, uint64_t{1}));
  looked_ = now;
  answered_ = load.answered;
  failed_ = load.failed;
  xds::data::orca::v3::OrcaLoadReport report;
  report.set_application_utilization(used);
  report.set_rps_fractional(rps);
  report.set_eps(eps);
  (*report.mutable_named_metrics())["queued"] = static_cast<double>(load.queued);
  binary_ = report.SerializeAsString();
  char text[200];
  std::snprintf(text, sizeof text,
                "TEXT application_utilization=%.3f, rps_fractional=%.1f, eps=%.1f, "
                "named_metrics.queued=%llu",
                used, rps, eps, static_cast<unsigned long long>(load.queued));
  text_ = text;
}

std::string LoadHeader::Binary(TimePoint now) {
  int64_t due = next_ns_.load(std::memory_order_relaxed);
  if (ToNanos(now) < due || !next_ns_.compare_exchange_strong(due, ToNanos(now + kTrailerEvery),
                                                              std::memory_order_relaxed)) {
    return "";
  }
  MutexLock lock(mu_);
  Refresh(now);
  return binary_;
}

std::string LoadHeader::Text(TimePoint now) {
  MutexLock lock(mu_);
  Refresh(now);
  return text_;
}

}  // namespace aiges
