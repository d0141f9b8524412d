// SPDX-License-Identifier: Apache-2.0
// loader/front/loop_lane.h: a lane that is an Asio loop. Whoever owns it runs the loop.
//
// Letters lie in a mailbox: many that come together, as answers do from the hub, cost one wake-up.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "loader/base/mutex.h"
#include "loader/front/exchange.h"

namespace aiges {

class LoopLane final : public Lane {
 public:
  void Post(MoveFunction<void()> letter) override {
    {
      MutexLock lock(mu_);
      mail_.push_back(std::move(letter));
      if (std::exchange(called_, true)) return;
    }
    boost::asio::post(io, [this] { ReadMail(); });
  }
  void Gather(MoveFunction<void()> letter) override {
    if (!reading_) return Post(std::move(letter));
    gathered_.push_back(std::move(letter));
  }
  std::unique_ptr<Alarm> SetAlarm(TimePoint t, MoveFunction<void()> ring) override {
    return std::make_unique<Timer>(&io, t, std::move(ring));
  }

  boost::asio::io_context io{1};

 private:
  class Timer final : public Alarm {
   public:
    Timer(boost::asio::io_context* loop, TimePoint t, MoveFunction<void()> ring)
        : timer_(*loop, t), ring_(std::make_shared<MoveFunction<void()>>(std::move(ring))) {
      // It may have rung already when it is destroyed, and its call still be on the way.
      timer_.async_wait([still = std::weak_ptr(ring_)](const boost::system::error_code& stopped) {
        const auto now = still.lock();
        if (!stopped && now != nullptr) (*now)();
      });
    }

   private:
    boost::asio::steady_timer timer_;
    const std::shared_ptr<MoveFunction<void()>> ring_;
  };

  // What is posted meanwhile is for the next turn: sockets want theirs, too.
  void ReadMail() {
    std::vector<MoveFunction<void()>> letters;
    {
      MutexLock lock(mu_);
      letters.swap(mail_);
      mail_.swap(spare_);
      called_ = false;
    }
    reading_ = true;
    for (MoveFunction<void()>& letter : letters) letter();
    reading_ = false;  // What gathers more is for the next turn.
    for (MoveFunction<void()>& letter : gathered_) letter();
    gathered_.clear();
    letters.clear();
    MutexLock lock(mu_);
    if (spare_.capacity() < letters.capacity()) spare_.swap(letters);  // Keeps the memory.
  }

  bool reading_ = false;                        // Of the lane's thread,
  std::vector<MoveFunction<void()>> gathered_;  // as this.

  Mutex mu_;
  std::vector<MoveFunction<void()>> mail_ GUARDED_BY(mu_), spare_ GUARDED_BY(mu_);
  bool called_ GUARDED_BY(mu_) = false;  // The loop has been told that there is mail.
};

}  // namespace aiges
