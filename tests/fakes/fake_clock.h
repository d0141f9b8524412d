// tests/fakes/fake_clock.h: a clock that stands still until the test moves it.
#pragma once

#include "loader/base/clock.h"

namespace aiges {

class FakeClock : public Clock {
 public:
  TimePoint Now() const override { return now_; }
  void Advance(Duration d) { now_ += d; }

 private:
  TimePoint now_ = FromNanos(1'000'000'000'000);
};

}  // namespace aiges
