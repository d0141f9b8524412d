// SPDX-License-Identifier: Apache-2.0
#include "xtest/metronome.h"

#include <sys/prctl.h>
#include <time.h>

#include <utility>

namespace aiges {
namespace {

constexpr int64_t kNever = INT64_MAX, kQuit = 0;

}  // namespace

Metronome::Metronome(std::function<void()> bell)
    : bell_(std::move(bell)), at_ns_(kNever), thread_([this] { Run(); }) {}

Metronome::~Metronome() {
  at_ns_.store(kQuit);
  at_ns_.notify_one();
  thread_.join();
}

void Metronome::Ring(TimePoint at) {
  const int64_t ns = ToNanos(at);
  if (at_ns_.exchange(ns) == kNever) at_ns_.notify_one();
}

void Metronome::Run() {
  PreciseTimers();
  for (;;) {
    int64_t at = at_ns_.load();
    if (at == kQuit) return;
    if (at == kNever) {
      at_ns_.wait(kNever);
      continue;
    }
    SleepUntil(FromNanos(at));
    if (at_ns_.compare_exchange_strong(at, kNever)) bell_();
  }
}

void SleepUntil(TimePoint at) {
  const int64_t ns = ToNanos(at);
  const timespec until{ns / 1'000'000'000, ns % 1'000'000'000};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
}

void PreciseTimers() { ::prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); }

}  // namespace aiges
