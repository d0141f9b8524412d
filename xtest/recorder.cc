// SPDX-License-Identifier: Apache-2.0
#include "xtest/recorder.h"

#include <algorithm>
#include <bit>

namespace aiges {
namespace {

uint64_t Nanos(Duration d) {
  return static_cast<uint64_t>(
      std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::nanoseconds>(d).count()));
}

}  // namespace

Recorder::Recorder(size_t hosts, TimePoint begin, Duration timeout, bool streams)
    : timeout_(timeout),
      streams_(streams),
      hosts_(hosts),
      seconds_(1),
      second_end_(begin + std::chrono::seconds(1)) {}

std::vector<std::pair<uint64_t, uint64_t>> Recorder::Pack(const Histogram& histogram) {
  std::vector<std::pair<uint64_t, uint64_t>> packed;
  for (const Histogram::Bucket& bucket : histogram.Buckets()) {
    const int drop = std::max(0, static_cast<int>(std::bit_width(bucket.upper)) - 8);
    const uint64_t value = (bucket.upper >> drop << drop) + ((uint64_t{1} << drop) >> 1);
    if (packed.empty() || packed.back().first != value) packed.emplace_back(value, 0);
    packed.back().second += bucket.count;
  }
  packed.shrink_to_fit();
  return packed;
}

bool Recorder::Turn(TimePoint now) {
  if (now < second_end_) return false;
  seconds_.back().latency = Pack(second_);
  latest_ = std::exchange(second_, Histogram());
  for (; second_end_ <= now; second_end_ += std::chrono::seconds(1)) seconds_.emplace_back();
  return true;
}

void Recorder::Sent(TimePoint now, Duration lag, unsigned under_way) {
  Turn(now);
  ++sent_;
  ++seconds_.back().sent;
  lag_.Add(Nanos(lag));
  peak_ = std::max(peak_, under_way);
}

CodeCount& Recorder::CountOf(int code) {
  for (Code& c : codes_) {
    if (c.code == code) return c.count;
  }
  codes_.emplace_back().code = code;
  return codes_.back().count;
}

bool Recorder::Ended(const Call& call) {
  if (call.given_up) {
    ++unanswered_;
    return false;
  }
  const bool turned = Turn(call.last);
  const Duration took = call.last - call.planned;
  const bool none = call.code == kNoAnswer;
  const uint64_t latency = Nanos(none ? std::max(took, timeout_) : took);
  const bool bad = call.code != 0;
  Packed& second = seconds_.back();
  ++done_;
  ++second.done;
  failed_ += bad;
  second.failed += bad;
  last_end_ = std::max(last_end_, call.last);
  bytes_out_ += call.bytes_out;
  bytes_in_ += call.bytes_in;
  items_ += call.items;
  CodeCount& code = CountOf(call.code);
  ++code.calls;
  code.latency.Add(Nanos(took));
  if (bad) {
    code.text = call.text;
    code.handle = call.id();
  }
  HostResult& host = hosts_[call.host];
  ++host.calls;
  host.failed += bad;
  latency_.last.Add(latency);
  host.latency.Add(latency);
  second_.Add(latency);
  if (streams_ && call.first != TimePoint{}) {
    latency_.first.Add(Nanos(call.first - call.planned));
    latency_.first_seen.Add(Nanos(call.first - call.planned));
  } else if (streams_ && none) {
    latency_.first.Add(latency);
  }
  if (call.stages.known) {
    ++stages_.calls;
    stages_.queue_ms += call.stages.queue;
    stages_.channel_ms += call.stages.channel;
    stages_.engine_ms += call.stages.engine;
    stages_.total_ms += call.stages.total;
  }
  return turned;
}

void Recorder::SendingOver(TimePoint now) {
  sending_over_ = now;
  done_while_sending_ = done_;
}

void Recorder::AddTo(Step* step, const std::vector<std::string>& hosts) const {
  step->sent += sent_;
  step->done += done_;
  step->failed += failed_;
  step->unanswered += unanswered_;
  step->bytes_out += bytes_out_;
  step->bytes_in += bytes_in_;
  step->items += items_;
  step->peak_in_flight += peak_;
  step->latency.last.Merge(latency_.last);
  step->latency.first.Merge(latency_.first);
  step->latency.first_seen.Merge(latency_.first_seen);
  step->lag.Merge(lag_);
  for (const Code& c : codes_) {
    CodeCount& count = step->codes[c.code];
    count.calls += c.count.calls;
    count.latency.Merge(c.count.latency);
    if (c.code == 0) continue;
    count.text = c.count.text;
    count.handle = c.count.handle;
  }
  for (size_t i = 0; i < hosts_.size(); ++i) {
    HostResult& host = step->hosts[hosts[i]];
    host.calls += hosts_[i].calls;
    host.failed += hosts_[i].failed;
    host.latency.Merge(hosts_[i].latency);
  }
  // Means over what came before and this.
  const double before = static_cast<double>(step->stages.calls);
  step->stages.calls += stages_.calls;
  const double all = std::max(1.0, static_cast<double>(step->stages.calls));
  const auto join = [&](double StageTimes::* ms) {
    step->stages.*ms = (step->stages.*ms * before + stages_.*ms) / all;
  };
  for (const auto ms : {&StageTimes::queue_ms, &StageTimes::channel_ms, &StageTimes::engine_ms,
                        &StageTimes::total_ms}) {
    join(ms);
  }
  if (step->timeline.size() < seconds_.size()) step->timeline.resize(seconds_.size());
  for (size_t i = 0; i < seconds_.size(); ++i) {
    Second& second = step->timeline[i];
    second.sent += seconds_[i].sent;
    second.done += seconds_[i].done;
    second.failed += seconds_[i].failed;
    for (const auto& [value, count] : seconds_[i].latency) second.latency.Add(value, count);
    if (i + 1 == seconds_.size()) second.latency.Merge(second_);
  }
}

}  // namespace aiges
