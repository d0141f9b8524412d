// SPDX-License-Identifier: Apache-2.0
// bench/recorder.h: what a run measured: calls, errors, latencies in log-linear buckets (128 per
// power of two, so a percentile is right to 0.8 %). Add() costs a few nanoseconds and no memory.
// Calls that end during the warm-up or after the end are not counted; errors and refusals are.
// Belongs to one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

class Recorder {
 public:
  Recorder(double warmup_s, double seconds);

  bool Over(Clock::time_point now) const { return now >= end_; }
  void Add(Clock::time_point sent, Clock::time_point now);
  void AddError(const std::string& text);
  // An answer that is no success, but is to be expected (Plan::allowed_code).
  void AddRefusal() { ++refusals_; }
  // A message of a stream; its items are Add()ed one by one.
  void AddMessage(Clock::time_point now, size_t bytes);

  uint64_t errors() const { return errors_; }
  const std::string& first_error() const { return first_error_; }
  std::string Json() const;  // One line.

 private:
  double PercentileMicros(double p) const;

  Clock::time_point begin_, end_;
  std::vector<uint64_t> buckets_;
  uint64_t calls_ = 0, errors_ = 0, refusals_ = 0;
  uint64_t messages_ = 0, message_bytes_ = 0;
  std::string first_error_;
};

}  // namespace bench
