// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <utility>

#include "loader/base/mutex.h"
#include "loader/base/strings.h"
#include "loader/metering/sink.h"
#include "loader/outbound/http_loop.h"

namespace aiges {
namespace {

constexpr std::chrono::milliseconds kLimit{10'000};
constexpr int kTimeout = 408, kConflict = 409, kTooMany = 429;

HttpLoopOptions OptionsOf(const std::string& token) {
  HttpLoopOptions options;
  options.thread = "usage-sink";
  options.headers.emplace_back("Content-Type", "application/cloudevents-batch+json");
  if (!token.empty()) options.headers.emplace_back("Authorization", StrCat("Bearer ", token));
  return options;
}

class HttpSink final : public UsageSink {
 public:
  HttpSink(std::string url, const std::string& token)
      : url_(std::move(url)), loop_(OptionsOf(token)) {}

  size_t most_events() const override { return 100; }

  Delivered Deliver(const UsageBatch& batch, std::string* why) override {
    HttpAsk ask;
    ask.method = "POST";
    ask.url = url_;
    ask.limit = kLimit;
    ask.body = StrCat("[", batch.lines);
    std::replace(ask.body.begin(), ask.body.end(), '\n', ',');
    ask.body.back() = ']';
    const HttpGot got = Wait(std::move(ask));
    if (got.ok()) return Delivered::kYes;
    *why = got.Problem();
    // Repeated: who keeps ids says so, and has them.
    if (got.status == kConflict) return Delivered::kYes;
    const bool refused =
        got.status >= 400 && got.status < 500 && got.status != kTimeout && got.status != kTooMany;
    return refused ? Delivered::kNever : Delivered::kLater;
  }

  void StopWaiting() override {
    MutexLock lock(mu_);
    stop_ = true;
    wake_.NotifyAll();
  }

 private:
  // The answer, or status 0 where nobody waits for it any more.
  HttpGot Wait(HttpAsk ask) {
    uint64_t turn = 0;
    {
      MutexLock lock(mu_);
      turn = ++turn_;
      answered_ = false;
    }
    loop_.Post([this, turn, ask = std::move(ask)]() mutable {
      loop_.Send(std::move(ask), [this, turn](HttpGot got) {
        MutexLock lock(mu_);
        if (turn != turn_) return;
        answer_ = std::move(got);
        answered_ = true;
        wake_.NotifyAll();
      });
    });
    MutexLock lock(mu_);
    TimePoint until = TimePoint::max();
    while (!answered_) {
      if (stop_ && until == TimePoint::max()) {
        until = std::chrono::steady_clock::now() + kLast;
      }
      if (until == TimePoint::max()) {
        wake_.Wait(mu_);
      } else if (std::chrono::steady_clock::now() < until) {
        wake_.WaitUntil(mu_, until);
      } else {
        break;
      }
    }
    ++turn_;
    if (!answered_) return {0, "no answer before the loader had to end", {}, {}};
    return std::move(answer_);
  }

  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kLast{700};  // At the end.

  const std::string url_;
  Mutex mu_;
  CondVar wake_;
  uint64_t turn_ GUARDED_BY(mu_) = 0;
  bool answered_ GUARDED_BY(mu_) = false, stop_ GUARDED_BY(mu_) = false;
  HttpGot answer_ GUARDED_BY(mu_);
  HttpLoop loop_;  // Last: its callbacks use the rest.
};

}  // namespace

std::unique_ptr<UsageSink> MakeHttpSink(const std::string& url, const std::string& token) {
  return std::make_unique<HttpSink>(url, token);
}

}  // namespace aiges
