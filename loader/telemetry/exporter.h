// SPDX-License-Identifier: Apache-2.0
// loader/telemetry/exporter.h: tells spans to a collector: OTLP over HTTP, batched, bounded.
//
// Add puts spans into a queue of at most [otlp] max_queue and never waits; what does not fit is
// dropped and counted. A batch leaves when there are max_batch of them or the oldest has waited for
// delay_ms, one at a time. One that the collector may take later (429, 502, 503, 504, no answer) is
// sent again after a pause that doubles, at most kMostTries times; then, and after any other
// refusal, it is dropped and counted, and the log says so once until one is taken again.
// Thread-safe. The requests are made on a thread of its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "loader/api/report.h"
#include "loader/api/settings.h"
#include "loader/base/clock.h"
#include "loader/base/mutex.h"
#include "loader/outbound/http_loop.h"
#include "loader/telemetry/span.h"

namespace aiges {

class Exporter {
 public:
  static constexpr int kMostTries = 5;

  Exporter(const OtlpSettings& settings, SpanSource source);
  ~Exporter();  // What is in the queue is dropped: see Finish.
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  void Add(std::vector<Span> spans);
  SpanCounts counts() const { return {sent_, rejected_, dropped_}; }
  // Sends what there is; waits for that until then, not longer.
  void Finish(TimePoint until);

 private:
  void SendSome();
  void Send(std::string body, size_t spans, int tries);
  void OnAnswer(const HttpGot& got, std::string body, size_t spans, int tries);
  void Done();

  const OtlpSettings settings_;
  const SpanSource source_;
  std::atomic<uint64_t> sent_{0}, rejected_{0}, dropped_{0};

  Mutex mu_;
  CondVar idle_;
  std::vector<Span> queue_ GUARDED_BY(mu_);
  bool waits_ GUARDED_BY(mu_) = false;  // A timer runs for what is in the queue.
  bool busy_ GUARDED_BY(mu_) = false;   // A batch is out.
  bool hurry_ GUARDED_BY(mu_) = false;  // Finish: no waiting, no second try.
  bool told_ = false;                   // The loop's.
  HttpLoop loop_;                       // Last: its work uses the rest.
};

}  // namespace aiges
