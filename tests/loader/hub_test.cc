// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/hub.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TimePoint Now() { return std::chrono::steady_clock::now(); }

// Waits until the hub has run what was posted before.
void Sync(Hub* hub) {
  std::promise<void> done;
  hub->Post([&] { done.set_value(); });
  ASSERT_EQ(done.get_future().wait_for(seconds(10)), std::future_status::ready);
}

TEST(Hub, PostedFunctionsRunInOrderOnTheHubThread) {
  SteadyClock clock;
  Hub hub(clock);
  std::vector<int> order;
  std::thread::id hub_thread;
  hub.Post([&] { order.push_back(0); });  // Before Start.
  hub.Start([](TimePoint) {});
  for (int i = 1; i < 100; ++i) hub.Post([&order, i] { order.push_back(i); });
  hub.Post([&] { hub_thread = std::this_thread::get_id(); });
  Sync(&hub);
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  EXPECT_NE(hub_thread, std::this_thread::get_id());
}

TEST(Hub, StopRunsWhatWasPostedBeforeIt) {
  std::atomic<int> count{0};
  SteadyClock clock;
  Hub hub(clock);
  hub.Start([](TimePoint) {});
  for (int i = 0; i < 50; ++i) hub.Post([&] { ++count; });
  hub.Stop();
  EXPECT_EQ(count, 50);
  hub.Stop();  // Again: nothing to do.
}

TEST(Hub, PostedFunctionMayPost) {
  SteadyClock clock;
  Hub hub(clock);
  std::promise<void> done;
  hub.Start([](TimePoint) {});
  hub.Post([&] { hub.Post([&] { done.set_value(); }); });
  EXPECT_EQ(done.get_future().wait_for(seconds(10)), std::future_status::ready);
}

TEST(Hub, PostAtRunsAtItsTimeAndNotBefore) {
  SteadyClock clock;
  Hub hub(clock);
  hub.Start([](TimePoint) {});
  std::promise<TimePoint> later, sooner;
  const TimePoint start = Now();
  hub.PostAt(start + milliseconds(60), [&] { later.set_value(Now()); });
  hub.PostAt(start + milliseconds(20), [&] { sooner.set_value(Now()); });
  EXPECT_GE(sooner.get_future().get(), start + milliseconds(20));
  EXPECT_GE(later.get_future().get(), start + milliseconds(60));
}

TEST(Hub, AlarmRingsOnceAtTheEarliestTimeAsked) {
  SteadyClock clock;
  Hub hub(clock);
  std::atomic<int> rings{0};
  std::promise<TimePoint> first;
  hub.Start([&](TimePoint now) {
    if (rings++ == 0) first.set_value(now);
  });
  const TimePoint start = Now();
  hub.SetAlarm(start + seconds(100));
  hub.SetAlarm(start + milliseconds(20));
  hub.SetAlarm(start + seconds(50));
  auto future = first.get_future();
  ASSERT_EQ(future.wait_for(seconds(10)), std::future_status::ready);
  EXPECT_GE(future.get(), start + milliseconds(20));
  Sync(&hub);
  EXPECT_EQ(rings, 1);
}

TEST(Hub, AlarmOfThePastRingsAtOnce) {
  SteadyClock clock;
  Hub hub(clock);
  std::promise<void> rang;
  hub.Start([&](TimePoint) { rang.set_value(); });
  hub.SetAlarm(Now() - seconds(1));
  EXPECT_EQ(rang.get_future().wait_for(seconds(10)), std::future_status::ready);
}

TEST(Hub, AlarmCanBeSetAgainFromTheAlarm) {
  SteadyClock clock;
  Hub hub(clock);
  std::atomic<int> rings{0};
  std::promise<void> third;
  hub.Start([&](TimePoint now) {
    if (++rings == 3) return third.set_value();
    hub.SetAlarm(now + milliseconds(1));
  });
  hub.SetAlarm(Now());
  EXPECT_EQ(third.get_future().wait_for(seconds(10)), std::future_status::ready);
}

// A bug once: two threads set the alarm at one moment, and the timer was left at the later time
// while the hub believed in the earlier one. The deadline was then answered much too late.
TEST(Hub, EarlierOfTwoSimultaneousAlarmsWins) {
  for (int round = 0; round < 300; ++round) {
    SteadyClock clock;
    Hub hub(clock);
    std::promise<void> rang;
    std::atomic<bool> first{true};  // The alarm may ring early, so perhaps twice.
    hub.Start([&](TimePoint) {
      if (first.exchange(false)) rang.set_value();
    });
    std::atomic<int> waiting{2};
    const auto set = [&](TimePoint t) {
      --waiting;
      while (waiting > 0) {
      }
      hub.SetAlarm(t);
    };
    const TimePoint start = Now();
    std::thread other([&] { set(start + seconds(100)); });
    set(start);
    other.join();
    ASSERT_EQ(rang.get_future().wait_for(seconds(5)), std::future_status::ready)
        << "lost in round " << round;
    hub.Stop();
  }
}

TEST(Hub, HandlerMayRemoveItselfAndOthers) {
  SteadyClock clock;
  Hub hub(clock);
  hub.Start([](TimePoint) {});
  Fd a(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)), b(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
  std::atomic<int> calls{0};
  const auto handler = [&](uint32_t events) {
    EXPECT_NE(events & EPOLLIN, 0u);
    ++calls;
    hub.Unwatch(a.get());
    hub.Unwatch(b.get());
  };
  hub.Post([&] {
    hub.Watch(a.get(), EPOLLIN, handler);
    hub.Watch(b.get(), EPOLLIN, handler);
  });
  for (int i = 0; i < 5; ++i) Sync(&hub);
  EXPECT_EQ(calls, 1) << "both were readable in the same round; the first call removed both";
}

// A bug once: the worker that took a dead one's place got the dead one's end, and was killed.
TEST(Hub, EventOfAnEarlierWatchDoesNotReachALaterOneOfTheSameNumber) {
  SteadyClock clock;
  Hub hub(clock);
  hub.Start([](TimePoint) {});
  Fd fds[2] = {Fd(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)),
               Fd(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC))};
  Fd silent(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  std::atomic<int> first{0}, wrong{0};
  hub.Post([&] {
    for (int i = 0; i < 2; ++i) {
      hub.Watch(fds[i].get(), EPOLLIN, [&, i](uint32_t) {
        const int other = fds[1 - i].get();
        ++first;
        hub.Unwatch(fds[i].get());
        hub.Unwatch(other);
        ASSERT_EQ(::dup2(silent.get(), other), other);
        hub.Watch(other, EPOLLIN, [&](uint32_t) { ++wrong; });
      });
    }
  });
  for (int i = 0; i < 5; ++i) Sync(&hub);
  EXPECT_EQ(first, 1) << "both were readable in the same round";
  EXPECT_EQ(wrong, 0);
}

TEST(Hub, ModifyChangesWhatIsWaitedFor) {
  SteadyClock clock;
  Hub hub(clock);
  hub.Start([](TimePoint) {});
  Fd a(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
  std::promise<void> called;
  hub.Post([&] {
    hub.Watch(a.get(), 0, [&](uint32_t) {
      hub.Unwatch(a.get());
      called.set_value();
    });
  });
  Sync(&hub);
  auto future = called.get_future();
  EXPECT_EQ(future.wait_for(milliseconds(20)), std::future_status::timeout);
  hub.Post([&] { hub.Modify(a.get(), EPOLLIN); });
  EXPECT_EQ(future.wait_for(seconds(10)), std::future_status::ready);
}

}  // namespace
}  // namespace aiges
