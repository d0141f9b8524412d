// SPDX-License-Identifier: Apache-2.0
// loader/instances/hub_user.h: one of several who share a hub, and may leave it while it turns.
//
// What a user has posted does not run once it has left. Each has an alarm of its own.
// Threads: as the hub's; Leave belongs to any thread but must not be called with a lock held that
// a posted function takes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "loader/base/clock.h"
#include "loader/instances/hub.h"

namespace aiges {

class HubUser {
 public:
  // Both outlive it.
  HubUser(Hub* hub, const Clock* clock) : hub_(*hub), state_(std::make_shared<State>(clock)) {}
  ~HubUser() {
    Leave([] {});
  }
  HubUser(const HubUser&) = delete;
  HubUser& operator=(const HubUser&) = delete;

  // Before the first SetAlarm.
  void OnAlarm(std::function<void(TimePoint)> on_alarm) { state_->on_alarm = std::move(on_alarm); }
  void Post(std::function<void()> function) { hub_.Post(Mine(std::move(function))); }
  void PostAt(TimePoint t, std::function<void()> function) {
    hub_.PostAt(t, Mine(std::move(function)));
  }
  // on_alarm at t or earlier. A later time than the one already set changes nothing.
  void SetAlarm(TimePoint t) {
    const int64_t ns = ToNanos(t);
    int64_t armed = state_->armed_ns.load();
    do {
      if (ns >= armed) return;
    } while (!state_->armed_ns.compare_exchange_weak(armed, ns));
    hub_.PostAt(t, [state = state_] { state->Ring(); });
  }

  void Watch(int fd, uint32_t events, Hub::Handler handler) {
    hub_.Watch(fd, events, std::move(handler));
  }
  void Modify(int fd, uint32_t events) { hub_.Modify(fd, events); }
  void Unwatch(int fd) { hub_.Unwatch(fd); }

  // Runs `last`, which takes its descriptors out, on the hub's thread, or here where the hub does
  // not turn; nothing of this user runs after it. Waits for that. Again: nothing happens.
  void Leave(const std::function<void()>& last) {
    if (std::exchange(left_, true)) return;
    hub_.RunThere([this, &last] {
      last();
      state_->gone = true;
    });
  }

 private:
  struct State {
    explicit State(const Clock* c) : clock(*c) {}
    void Ring() {
      const TimePoint now = clock.Now();
      if (gone || armed_ns.load() > ToNanos(now)) return;
      armed_ns.store(INT64_MAX);
      if (on_alarm) on_alarm(now);
    }
    const Clock& clock;
    std::function<void(TimePoint)> on_alarm;
    std::atomic<int64_t> armed_ns{INT64_MAX};
    bool gone = false;  // The hub thread's.
  };

  std::function<void()> Mine(std::function<void()> function) const {
    return [state = state_, function = std::move(function)] {
      if (!state->gone) function();
    };
  }

  Hub& hub_;
  const std::shared_ptr<State> state_;
  bool left_ = false;
};

}  // namespace aiges
