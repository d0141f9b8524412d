// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/hub.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <future>
#include <iterator>
#include <utility>

namespace aiges {
namespace {

constexpr size_t kFunctionsPerTurn = 256;

}  // namespace

Hub::Hub(const Clock& clock)
    : clock_(clock),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  Watch(wake_.get(), EPOLLIN, [this](uint32_t) {
    uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);
    RunPosted();
  });
  Watch(timer_.get(), EPOLLIN, [this](uint32_t) { OnTimer(); });
}

void Hub::OnTimer() {
  uint64_t count = 0;
  (void)!::read(timer_.get(), &count, sizeof count);
  armed_ns_.store(INT64_MAX);
  RunPosted();  // Timed functions too.
  if (on_alarm_) on_alarm_(clock_.Now());
}

Hub::~Hub() { Stop(); }

void Hub::Start() {
  if (thread_.joinable()) return;
  thread_ = std::thread([this] {
    ::prctl(PR_SET_NAME, "hub");
    Run();
  });
}

void Hub::Stop() {
  if (!thread_.joinable()) return;
  Post([this] { stop_ = true; });
  thread_.join();
}

void Hub::RunThere(const std::function<void()>& function) {
  if (!thread_.joinable() || thread_.get_id() == std::this_thread::get_id()) return function();
  std::promise<void> done;
  Post([&] {
    function();
    done.set_value();
  });
  done.get_future().wait();
}

void Hub::Wake() {
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void Hub::Post(std::function<void()> function) {
  {
    MutexLock lock(mu_);
    posted_.push_back(std::move(function));
  }
  Wake();
}

void Hub::PostAt(TimePoint t, std::function<void()> function) {
  {
    MutexLock lock(mu_);
    timed_.emplace_back(t, std::move(function));
  }
  SetAlarm(t);
}

void Hub::SetAlarm(TimePoint t) {
  const int64_t ns = ToNanos(t);
  if (ns >= armed_ns_.load()) return;
  MutexLock lock(mu_);  // Or of two threads at once, the later time could be the last to arm.
  if (ns >= armed_ns_.load()) return;
  armed_ns_.store(ns);
  ArmTimer(t);
}

void Hub::ArmTimer(TimePoint t) {
  const int64_t ns = std::max<int64_t>(ToNanos(t), 1);  // 0 would disarm.
  itimerspec spec{};
  spec.it_value.tv_sec = ns / 1'000'000'000;
  spec.it_value.tv_nsec = ns % 1'000'000'000;
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

bool Hub::RunPosted() {
  std::vector<std::function<void()>> ready;
  TimePoint next = TimePoint::max();
  bool more = false;
  {
    MutexLock lock(mu_);
    const size_t now_due = std::min(posted_.size(), kFunctionsPerTurn);
    const auto end = posted_.begin() + static_cast<ptrdiff_t>(now_due);
    std::move(posted_.begin(), end, std::back_inserter(ready));
    posted_.erase(posted_.begin(), end);
    more = !posted_.empty();
    const TimePoint now = clock_.Now();
    for (size_t i = 0; i < timed_.size();) {
      if (timed_[i].first <= now) {
        ready.push_back(std::move(timed_[i].second));
        timed_.erase(timed_.begin() + static_cast<ptrdiff_t>(i));
      } else {
        next = std::min(next, timed_[i].first);
        ++i;
      }
    }
  }
  if (more) Wake();
  if (next != TimePoint::max()) SetAlarm(next);
  for (auto& function : ready) function();
  return !ready.empty();
}

void Hub::Watch(int fd, uint32_t events, Handler handler) {
  const uint64_t watch = ++next_watch_;
  watches_[fd] = watch;
  handlers_[watch] = std::make_shared<Handler>(std::move(handler));
  epoll_event event{};
  event.events = events;
  event.data.u64 = watch;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Hub::Modify(int fd, uint32_t events) {
  const auto watch = watches_.find(fd);
  if (watch == watches_.end()) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = watch->second;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Hub::Unwatch(int fd) {
  const auto watch = watches_.find(fd);
  if (watch == watches_.end()) return;
  handlers_.erase(watch->second);
  watches_.erase(watch);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

bool Hub::Turn(int wait_ms) {
  std::array<epoll_event, 64> events;
  const int n = ::epoll_wait(epoll_.get(), events.data(), events.size(), wait_ms);
  for (int i = 0; i < n; ++i) {
    // A handler may have removed a later one of this round: then its events are for nobody.
    const auto found = handlers_.find(events[static_cast<size_t>(i)].data.u64);
    if (found == handlers_.end()) continue;
    const std::shared_ptr<Handler> handler = found->second;
    (*handler)(events[static_cast<size_t>(i)].events);
  }
  return n > 0;
}

void Hub::Run() {
  while (!stop_) Turn(-1);
  while (RunPosted()) {
  }
}

}  // namespace aiges
