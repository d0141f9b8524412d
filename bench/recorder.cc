// SPDX-License-Identifier: Apache-2.0
#include "bench/recorder.h"

#include <algorithm>
#include <bit>
#include <cstdio>

namespace bench {
namespace {

// A duration is its highest eight bits and how far they were shifted.
constexpr int kBits = 7;
constexpr uint64_t kPerPower = 1 << kBits;

Clock::duration Seconds(double s) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
}

}  // namespace

Recorder::Recorder(double warmup_s, double seconds)
    : begin_(Clock::now() + Seconds(warmup_s)),
      end_(begin_ + Seconds(seconds)),
      buckets_((64 - kBits) * kPerPower) {}

void Recorder::Add(Clock::time_point sent, Clock::time_point now) {
  if (now < begin_ || now >= end_) return;
  ++calls_;
  const auto elapsed = std::chrono::nanoseconds(now - sent).count();
  const uint64_t ns = std::max(static_cast<uint64_t>(elapsed), kPerPower);
  const int shift = 63 - std::countl_zero(ns) - kBits;
  ++buckets_[static_cast<uint64_t>(shift) * kPerPower + ((ns >> shift) & (kPerPower - 1))];
}

void Recorder::AddError(const std::string& text) {
  if (errors_++ == 0) first_error_ = text;
}

void Recorder::AddMessage(Clock::time_point now, size_t bytes) {
  if (now < begin_ || now >= end_) return;
  ++messages_;
  message_bytes_ += bytes;
}

double Recorder::PercentileMicros(double p) const {
  const auto rank = static_cast<uint64_t>(p * static_cast<double>(calls_));
  uint64_t seen = 0;
  for (uint64_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen > rank) {
      return static_cast<double>((kPerPower + i % kPerPower) << (i / kPerPower)) * 1e-3;
    }
  }
  return 0;
}

std::string Recorder::Json() const {
  const double seconds = std::chrono::duration<double>(end_ - begin_).count();
  char text[384];
  std::snprintf(text, sizeof text,
                "{\"calls\":%llu,\"errors\":%llu,\"refusals\":%llu,\"calls_per_s\":%.1f,"
                "\"p50_us\":%.1f,\"p99_us\":%.1f,\"messages\":%llu,\"message_bytes\":%llu}",
                static_cast<unsigned long long>(calls_), static_cast<unsigned long long>(errors_),
                static_cast<unsigned long long>(refusals_), static_cast<double>(calls_) / seconds,
                PercentileMicros(0.5), PercentileMicros(0.99),
                static_cast<unsigned long long>(messages_),
                static_cast<unsigned long long>(message_bytes_));
  return text;
}

}  // namespace bench
