// SPDX-License-Identifier: Apache-2.0
// tests/fakes/fake_clock.h: a clock that stands still until the test moves it.
//
// It begins long after the machine's own, so that a real timer set to one of its times never rings.
#pragma once

#include "loader/base/clock.h"

namespace aiges {

class FakeClock : public Clock {
 public:
  TimePoint Now() const override { return now_; }
  void Advance(Duration d) { now_ += d; }

 private:
  TimePoint now_ = FromNanos(1'000'000'000'000'000'000);
};

}  // namespace aiges
