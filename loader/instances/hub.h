// SPDX-License-Identifier: Apache-2.0
// loader/instances/hub.h: the one thread that waits for workers.
//
// An epoll loop over descriptors (channels, output pipes, process handles), one alarm and posted
// functions. Handlers run on the hub thread, one at a time, and may add or remove any descriptor,
// their own too.
// Functions and handlers of one turn are bounded in number; the rest has the next turn, so that
// nobody's work waits behind all of somebody else's.
// Threads: Post, PostAt and SetAlarm are thread-safe; Watch, Modify and Unwatch belong to the hub
// thread (or to the time before Start). A test may be the hub thread: it does not start the hub,
// and calls Turn.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "loader/base/clock.h"
#include "loader/base/fd.h"
#include "loader/base/mutex.h"

namespace aiges {

class Hub {
 public:
  using Handler = std::function<void(uint32_t events)>;  // EPOLLIN, EPOLLOUT, EPOLLHUP...

  explicit Hub(const Clock& clock);
  ~Hub();  // Stops.
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // Before Start; a hub may do without.
  void OnAlarm(std::function<void(TimePoint)> on_alarm) { on_alarm_ = std::move(on_alarm); }
  void Start();  // Again: nothing happens.
  void Start(std::function<void(TimePoint)> on_alarm) {
    OnAlarm(std::move(on_alarm));
    Start();
  }
  void Stop();  // Joins the thread. Functions posted before it have run.
  // Runs the function on the hub's thread and waits for it; here where that does not turn, or is
  // this one.
  void RunThere(const std::function<void()>& function);

  void Post(std::function<void()> function);
  // Runs the function on the hub thread at t.
  void PostAt(TimePoint t, std::function<void()> function);
  // on_alarm at t or earlier. A later time than the one already set changes nothing.
  void SetAlarm(TimePoint t);

  // Until Unwatch, which must come before the descriptor is closed. No event reaches a handler
  // that was meant for an earlier watch of the same number.
  void Watch(int fd, uint32_t events, Handler handler);
  void Modify(int fd, uint32_t events);
  void Unwatch(int fd);

  // Waits for so long at most (-1: for ever), then does one turn. False: nothing was there to do.
  bool Turn(int wait_ms);

 private:
  void Run();
  void Wake();
  // At most kFunctionsPerTurn; false: there was none.
  bool RunPosted();
  void OnTimer();
  void ArmTimer(TimePoint t);

  const Clock& clock_;
  Fd epoll_, wake_, timer_;
  std::thread thread_;
  std::atomic<bool> stop_{false};
  std::function<void(TimePoint)> on_alarm_;
  // Hub thread. What epoll carries is the watch, not the descriptor: its number is soon reused.
  std::unordered_map<uint64_t, std::shared_ptr<Handler>> handlers_;
  std::unordered_map<int, uint64_t> watches_;
  uint64_t next_watch_ = 0;

  Mutex mu_;
  std::deque<std::function<void()>> posted_ GUARDED_BY(mu_);
  std::vector<std::pair<TimePoint, std::function<void()>>> timed_ GUARDED_BY(mu_);
  std::atomic<int64_t> armed_ns_{INT64_MAX};
};

}  // namespace aiges
