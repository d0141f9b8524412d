// SPDX-License-Identifier: Apache-2.0
// xtest/recorder.h: what one client thread measured in one step of a run. Nothing is allocated per
// call once latencies, hosts and codes have been seen; a second costs a few hundred bytes.
//
// Belongs to its thread; AddTo when that has ended.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "xtest/call.h"
#include "xtest/result.h"

namespace aiges {

class Recorder {
 public:
  // Seconds count from `begin`, the end of the warm-up. `streams`: calls have results one by one.
  // `timeout`: what a call without an answer has taken at least (result.h).
  Recorder(size_t hosts, TimePoint begin, Duration timeout, bool streams = false);

  // `lag`: how late it left; `under_way`: calls of this thread, this one among them.
  void Sent(TimePoint now, Duration lag, unsigned under_way);
  // True when a second has passed: the last one is in latest().
  bool Ended(const Call& call);
  void Abandoned(uint64_t calls) { unanswered_ += calls; }
  // No more calls are sent from here on.
  void SendingOver(TimePoint now);

  const Histogram& latest() const { return latest_; }
  uint64_t done() const { return done_; }
  uint64_t failed() const { return failed_; }

  // Adds this thread's figures; not seconds and client_cpu.
  void AddTo(Step* step, const std::vector<std::string>& hosts) const;

  // For the rate of answers: those until SendingOver, and the time of that and of the last.
  uint64_t done_while_sending() const { return done_while_sending_; }
  TimePoint sending_over() const { return sending_over_; }
  TimePoint last_end() const { return last_end_; }

 private:
  // A second in few bytes: 128 buckets per power of two, of which only those used are kept.
  struct Packed {
    uint64_t sent = 0, done = 0, failed = 0;
    std::vector<std::pair<uint64_t, uint64_t>> latency;  // Value, count.
  };
  struct Code {
    int code = 0;
    CodeCount count;
  };

  bool Turn(TimePoint now);  // To the second that `now` is in.
  CodeCount& CountOf(int code);
  static std::vector<std::pair<uint64_t, uint64_t>> Pack(const Histogram& histogram);

  const Duration timeout_;
  const bool streams_;
  uint64_t sent_ = 0, done_ = 0, failed_ = 0, unanswered_ = 0;
  uint64_t done_while_sending_ = 0;
  uint64_t bytes_out_ = 0, bytes_in_ = 0, items_ = 0;
  unsigned peak_ = 0;
  Latencies latency_;
  Histogram lag_;
  std::vector<Code> codes_;
  std::vector<HostResult> hosts_;
  StageTimes stages_;  // Sums.
  TimePoint sending_over_{}, last_end_{};

  std::vector<Packed> seconds_;  // The last one is under way, its latencies in second_.
  TimePoint second_end_;
  Histogram second_, latest_;
};

}  // namespace aiges
