// SPDX-License-Identifier: Apache-2.0
#include "xtest/runner.h"

#include <algorithm>
#include <thread>

#include "loader/base/strings.h"

namespace aiges {
namespace {

// So that all threads are there when the first call is due.
constexpr std::chrono::milliseconds kHeadStart{20};
constexpr double kShownEvery_s = 0.2;

Duration Seconds(double s) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}

double Between(TimePoint a, TimePoint b) { return std::chrono::duration<double>(b - a).count(); }

}  // namespace

Runner::Runner(const Plan& plan, CallSink* sink) : plan_(plan) {
  for (unsigned i = 0; i < std::max(1u, plan.threads); ++i) {
    threads_.push_back(std::make_unique<RunnerThread>(plan, i, sink));
  }
}

Runner::~Runner() = default;

void Runner::Run(const std::atomic<bool>& stop, RunResult* result) {
  begin_ = std::chrono::steady_clock::now();
  begun_.store(true, std::memory_order_release);
  const size_t steps = std::max<size_t>(1, plan_.rates.size());
  for (size_t i = 0; i < steps && !stop.load(); ++i) {
    step_.store(i);
    result->steps.push_back(RunStep(i, stop, &result->notes));
  }
  result->interrupted = stop.load();
}

Step Runner::RunStep(size_t number, const std::atomic<bool>& stop,
                     std::vector<std::string>* notes) {
  StepWork work;
  work.number = number;
  work.stop = &stop;
  work.begin = std::chrono::steady_clock::now() + kHeadStart;
  // Connections and caches are warm after the first step.
  work.warm_until = work.begin + Seconds(number == 0 ? plan_.warmup_s : 0);
  if (plan_.seconds > 0) work.end = work.warm_until + Seconds(plan_.seconds);
  work.left.store(plan_.calls > 0 ? static_cast<int64_t>(plan_.calls) : INT64_MAX);
  warm_until_ns_.store(ToNanos(work.warm_until));

  std::vector<std::thread> running;
  for (size_t i = 1; i < threads_.size(); ++i) {
    running.emplace_back([this, i, &work] { threads_[i]->Run(&work); });
  }
  threads_[0]->Run(&work);
  for (std::thread& thread : running) thread.join();

  Step step;
  step.rate = plan_.rates.empty() ? 0 : plan_.rates[number];
  uint64_t held = 0;
  for (const auto& thread : threads_) {
    thread->recorder().AddTo(&step, plan_.hosts);
    step.client_cpu += thread->cpu() / static_cast<double>(threads_.size());
    held += thread->held();
  }
  step.seconds = CountedSeconds(step, work);
  if (held > 0) {
    notes->push_back(StrCat(held, " planned calls waited because ", plan_.in_flight,
                            " were under way; their latency counts from the plan. Without this "
                            "bound they would have been sent in time."));
  }
  return step;
}

// What makes done / seconds the rate at which answers came while calls were sent. The tail, in
// which the load fades, is in no rate: one late answer would halve it.
double Runner::CountedSeconds(const Step& step, const StepWork& work) const {
  uint64_t done = 0;
  TimePoint sending_over = work.warm_until, last_end = work.warm_until;
  for (const auto& thread : threads_) {
    done += thread->recorder().done_while_sending();
    sending_over = std::max(sending_over, thread->recorder().sending_over());
    last_end = std::max(last_end, thread->recorder().last_end());
  }
  double window = Between(work.warm_until, sending_over);
  // Where calls were under way from the start on, answers to counted ones come this much later.
  if (step.rate > 0 || plan_.warmup_s > 0) {
    uint64_t soonest = UINT64_MAX;
    for (const auto& [code, c] : step.codes) soonest = std::min(soonest, c.latency.min());
    if (!step.codes.empty()) window -= static_cast<double>(soonest) * 1e-9;
  }
  const double all = Between(work.warm_until, std::max(sending_over, last_end));
  if (window < 0.01 || done * 2 < step.done || done == 0) return all;
  return window * static_cast<double>(step.done) / static_cast<double>(done);
}

Live Runner::Now() {
  Live live;
  if (!begun_.load(std::memory_order_acquire)) return live;
  const TimePoint now = std::chrono::steady_clock::now();
  const size_t steps = std::max<size_t>(1, plan_.rates.size());
  live.elapsed_s = Between(begin_, now);
  if (plan_.seconds > 0) {
    live.total_s = plan_.warmup_s + plan_.seconds * static_cast<double>(steps);
  }
  live.total = plan_.calls * steps;
  live.warmup = ToNanos(now) < warm_until_ns_.load();
  live.wanted = plan_.rates.empty() ? 0 : plan_.rates[step_.load()];
  Histogram latest;
  for (const auto& thread : threads_) {
    LiveThread& figures = thread->live();
    live.done += figures.done.load(std::memory_order_relaxed);
    live.failed += figures.failed.load(std::memory_order_relaxed);
    live.in_flight += figures.in_flight.load(std::memory_order_relaxed);
    MutexLock lock(figures.mu);
    latest.Merge(figures.latest);
  }
  live.p50_ns = static_cast<double>(latest.Percentile(50));
  live.p99_ns = static_cast<double>(latest.Percentile(99));
  const double since = Between(shown_at_, now);
  if (shown_at_ != TimePoint{} && since > 0) {
    live.rate = static_cast<double>(live.done - shown_done_) / since;
  }
  if (since >= kShownEvery_s || shown_at_ == TimePoint{}) {
    shown_at_ = now;
    shown_done_ = live.done;
  }
  return live;
}

}  // namespace aiges
