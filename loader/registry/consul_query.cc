// SPDX-License-Identifier: Apache-2.0
#include "loader/registry/consul_query.h"

#include <utility>

#include "loader/base/numbers.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;

// How long Consul holds a query without news; it adds up to a sixteenth.
constexpr const char* kWait = "60s";
constexpr milliseconds kWaitLimit{70'000};
// Without an index Consul does not hold the query; and not everything that speaks for Consul holds
// one at all.
constexpr milliseconds kUnheld{1000};
// Loaders that watch the same thing wake together: they ask again spread over this time. It also
// gathers a burst of changes.
constexpr milliseconds kSpread{100};

uint64_t IndexOf(const HttpGot& got) {
  uint64_t index = 0;
  if (const std::string* text = Find(got.headers, "x-consul-index")) ReadWhole(*text, &index);
  return index;
}

}  // namespace

void ConsulQuery::Start(Take take) {
  take_ = std::move(take);
  Ask();
}

void ConsulQuery::Ask() {
  std::string url = url_;
  if (index_ > 0) StrAppend(&url, "&index=", index_, "&wait=", kWait);
  asked_ = std::chrono::steady_clock::now();
  HttpAsk ask{"GET", std::move(url), "", index_ > 0 ? kWaitLimit : kConsulLimit};
  loop_.Send(std::move(ask), [this](const HttpGot& got) { OnAnswer(got); });
}

void ConsulQuery::OnAnswer(const HttpGot& got) {
  health_.Note(what_, got);
  const uint64_t index = IndexOf(got);
  const bool news = index != index_;
  if (!take_(got, news)) {
    index_ = 0;  // Whoever answers next may count anew.
    return loop_.After(pauses_.Next(), [this] { Ask(); });
  }
  pauses_.Reset();
  index_ = index < index_ ? 0 : index;
  milliseconds pause = news ? pauses_.Jitter(kSpread) : milliseconds(1);
  const bool held = std::chrono::steady_clock::now() - asked_ >= kUnheld;
  if (index_ == 0 || (!news && !held)) pause = kUnheld;
  loop_.After(pause, [this] { Ask(); });
}

}  // namespace aiges
