// SPDX-License-Identifier: Apache-2.0
#include "loader/access/jwks_source.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "loader/base/clock.h"
#include "loader/base/log.h"
#include "loader/base/mutex.h"
#include "loader/outbound/http_loop.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kMissPause{10};  // Between requests that unknown keys are the reason of.
constexpr seconds kFirstPause{1};  // After a failure; doubled each time.
constexpr milliseconds kLimit{10'000};

}  // namespace

class JwksSource::Fetcher {
 public:
  explicit Fetcher(const JwtSettings& settings)
      : url_(settings.jwks),
        refresh_(static_cast<int64_t>(settings.refresh_s)),
        loop_({"jwks", {{"Accept", "application/json"}}, settings.ca_file, "", ""}) {
    loop_.Post([this] { Ask(); });
  }

  std::shared_ptr<const JwkSet> Now() const {
    MutexLock lock(mu_);
    return set_;
  }
  void Miss() {
    {
      MutexLock lock(mu_);
      if (asking_ || steady_clock::now() - asked_ < kMissPause) return;
      asking_ = true;
    }
    loop_.Post([this] { Ask(); });
  }

 private:
  // All of it is the loop's.
  void Ask() {
    {
      MutexLock lock(mu_);
      asking_ = true;
      asked_ = steady_clock::now();
    }
    ++turn_;  // Whatever was to ask later is of before.
    HttpAsk ask;
    ask.url = url_;
    ask.limit = kLimit;
    ask.most_bytes = JwkSet::kMostBytes;
    loop_.Send(std::move(ask), [this](const HttpGot& got) { Take(got); });
  }
  void Take(const HttpGot& got) {
    std::shared_ptr<const JwkSet> set;
    Status status = Status::Ok();
    if (!got.ok()) {
      status = WrongRule(got.status == 0 ? got.error : StrCat("HTTP ", got.status));
    } else if (got.body != text_) {
      status = JwkSet::Parse(got.body, &set);
    }
    if (status.ok()) {
      if (set != nullptr) text_ = got.body;
      failed_.clear();
      pause_ = kFirstPause;
    } else if (status.text != failed_) {
      failed_ = status.text;
      LogError("access", "[access] jwks ", url_, ": ", VisibleRule(status.text),
               text_.empty() ? "; tokens are refused until its keys are there"
                             : "; the keys of before stay in force");
    }
    if (set != nullptr) LogInfo("access", set->size(), " keys of ", url_, " are in force");
    {
      MutexLock lock(mu_);
      asking_ = false;
      if (set != nullptr) set_ = std::move(set);
    }
    const seconds pause = status.ok() ? refresh_ : std::min(pause_, refresh_);
    if (!status.ok()) pause_ = std::min(2 * pause_, refresh_);
    loop_.After(pause, [this, turn = turn_] {
      if (turn == turn_) Ask();
    });
  }

  const std::string url_;
  const seconds refresh_;
  // The loop's.
  std::string text_, failed_;
  seconds pause_ = kFirstPause;
  uint64_t turn_ = 0;

  mutable Mutex mu_;
  std::shared_ptr<const JwkSet> set_ GUARDED_BY(mu_);
  bool asking_ GUARDED_BY(mu_) = true;
  TimePoint asked_ GUARDED_BY(mu_);
  HttpLoop loop_;  // Last: its callbacks use the rest.
};

JwksSource::JwksSource(const JwtSettings& settings)
    : settings_(settings),
      url_(settings.jwks.find("://") != std::string::npos),
      file_("jwks", url_ ? "" : settings.jwks, "keys", &JwkSet::Parse) {}

JwksSource::~JwksSource() = default;

Status JwksSource::Load(const JwksSource* before) {
  if (!url_) return file_.Load();
  const std::string& url = settings_.jwks;
  if (url.starts_with("http://") && !url.starts_with("http://127.") &&
      !url.starts_with("http://localhost")) {
    LogWarn("access", "[access] jwks ", url,
            ": whoever is on the way there can put keys of his own in; use https");
  }
  if (before != nullptr && before->settings_.jwks == url &&
      before->settings_.ca_file == settings_.ca_file &&
      before->settings_.refresh_s == settings_.refresh_s) {
    fetcher_ = before->fetcher_;
  }
  if (fetcher_ == nullptr) fetcher_ = std::make_shared<Fetcher>(settings_);
  return Status::Ok();
}

std::shared_ptr<const JwkSet> JwksSource::Now() const {
  return fetcher_ == nullptr ? file_.Now() : fetcher_->Now();
}

void JwksSource::Miss() {
  if (fetcher_ != nullptr) fetcher_->Miss();
}

}  // namespace aiges
