// SPDX-License-Identifier: Apache-2.0
#include "loader/registry/consul_config.h"

#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "loader/base/log.h"
#include "loader/registry/kv_tree.h"
#include "loader/registry/tree.h"

namespace aiges {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kLongestPause{3000};
// How long Consul holds a query without news; it adds up to a sixteenth.
constexpr const char* kWait = "60s";
constexpr milliseconds kWaitLimit{70'000};
constexpr milliseconds kLimit{3000};
// Without an index Consul does not hold the query; and not everything that speaks for Consul holds
// one at all.
constexpr milliseconds kUnheld{1000};
// Loaders that watch the same tree wake together: they ask again spread over this time. It also
// gathers a burst of pushes.
constexpr milliseconds kSpread{100};

uint64_t IndexOf(const HttpGot& got) {
  const std::string* text = Find(got.headers, "x-consul-index");
  uint64_t index = 0;
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), index);
  return index;
}

}  // namespace

ConsulConfig::ConsulConfig(const RegistrySettings& settings, const std::string& service,
                           HttpLoop* loop, ConsulHealth* health)
    : settings_(settings),
      tree_("aiges/" + TreePath(settings, service) + "/"),
      status_("aiges-status/" + TreePath(settings, service) + "/"),
      loop_(*loop),
      health_(*health),
      pauses_(kLongestPause) {}

std::string ConsulConfig::TreeUrl() const {
  return StrCat(settings_.url, "/v1/kv/", UrlPath(tree_), "?recurse=true");
}

void ConsulConfig::Fetch(TimePoint until, std::function<void(Status, ConfigTree)> done) {
  HttpAsk ask{"GET", TreeUrl(), "", kLimit};
  loop_.Send(std::move(ask), [this, until, done = std::move(done)](const HttpGot& got) {
    health_.Note("pull", got);
    std::optional<ConfigTree> tree;
    if (got.ok() || got.status == 404) tree = Parse(got);
    if (tree) return done(Status::Ok(), std::move(*tree));
    if (std::chrono::steady_clock::now() >= until) {
      return done(Status::Error(StatusKind::kDisconnected,
                                StrCat("pull ", tree_, " from ", settings_.url, ": ",
                                       got.ok() ? "the answer makes no sense" : got.Problem())),
                  {});
    }
    loop_.After(pauses_.Next(), [this, until, done] { Fetch(until, done); });
  });
}

void ConsulConfig::Watch(std::string revision, std::function<void(ConfigTree)> changed) {
  revision_ = std::move(revision);
  changed_ = std::move(changed);
  Query();
}

void ConsulConfig::Query() {
  std::string url = TreeUrl();
  if (index_ > 0) url += StrCat("&index=", index_, "&wait=", kWait);
  asked_ = std::chrono::steady_clock::now();
  HttpAsk ask{"GET", std::move(url), "", index_ > 0 ? kWaitLimit : kLimit};
  loop_.Send(std::move(ask), [this](const HttpGot& got) { OnAnswer(got); });
}

void ConsulConfig::OnAnswer(const HttpGot& got) {
  health_.Note("watch", got);
  std::optional<ConfigTree> tree;
  if (got.ok() || got.status == 404) tree = Parse(got);
  if (!tree) {
    index_ = 0;  // Whoever answers next may count anew.
    return loop_.After(pauses_.Next(), [this] { Query(); });
  }
  pauses_.Reset();
  const uint64_t index = IndexOf(got);
  const bool news = index != index_;
  index_ = index < index_ ? 0 : index;
  if (tree->revision.empty() && news) {
    LogWarn("registry", "there are no files under ", tree_, " in KV; keeping the configuration");
  } else if (!tree->revision.empty() && tree->revision != revision_) {
    revision_ = tree->revision;
    changed_(std::move(*tree));
  }
  milliseconds pause = news ? pauses_.Jitter(kSpread) : milliseconds(1);
  const bool held = std::chrono::steady_clock::now() - asked_ >= kUnheld;
  if (index_ == 0 || (!news && !held)) pause = kUnheld;
  loop_.After(pause, [this] { Query(); });
}

std::optional<ConfigTree> ConsulConfig::Parse(const HttpGot& got) const {
  if (got.status == 404) return ConfigTree();
  return ParseKvTree(got.body, tree_);
}

void ConsulConfig::Tell(const ConfigVerdict& verdict, const std::string& who) {
  const char* result = "applied";
  if (!verdict.applied) {
    result = "refused";
  } else if (!verdict.restart.empty()) {
    result = "restart needed";
  }
  const json status = {{"revision", verdict.revision},
                       {"result", result},
                       {"errors", verdict.errors},
                       {"restart", verdict.restart},
                       {"time", static_cast<int64_t>(std::time(nullptr))}};
  HttpAsk ask{"PUT", StrCat(settings_.url, "/v1/kv/", UrlPath(status_ + who)),
              status.dump(-1, ' ', false, json::error_handler_t::replace), kLimit};
  loop_.Send(std::move(ask), [this](const HttpGot& got) { health_.Note("tell", got); });
}

void ConsulConfig::TakeBack(const std::string& who) {
  HttpAsk ask{"DELETE", StrCat(settings_.url, "/v1/kv/", UrlPath(status_ + who)), "", kLimit};
  loop_.Send(std::move(ask), [this](const HttpGot& got) { health_.Note("take back", got); });
}

}  // namespace aiges
