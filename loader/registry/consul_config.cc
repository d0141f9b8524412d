// SPDX-License-Identifier: Apache-2.0
#include "loader/registry/consul_config.h"

#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "loader/base/log.h"
#include "loader/registry/kv_tree.h"
#include "loader/registry/tree.h"

namespace aiges {

using nlohmann::json;

ConsulConfig::ConsulConfig(const RegistrySettings& settings, const std::string& service,
                           HttpLoop* loop, ConsulHealth* health)
    : settings_(settings),
      tree_("aiges/" + TreePath(settings, service) + "/"),
      status_("aiges-status/" + TreePath(settings, service) + "/"),
      loop_(*loop),
      health_(*health),
      query_(TreeUrl(), "watch", loop, health) {}

std::string ConsulConfig::TreeUrl() const {
  return StrCat(settings_.url, "/v1/kv/", UrlPath(tree_), "?recurse=true");
}

void ConsulConfig::Fetch(TimePoint until, std::function<void(Status, ConfigTree)> done) {
  HttpAsk ask{"GET", TreeUrl(), "", kConsulLimit};
  loop_.Send(std::move(ask), [this, until, done = std::move(done)](const HttpGot& got) {
    health_.Note("pull", got);
    std::optional<ConfigTree> tree = Parse(got);
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
  query_.Start([this](const HttpGot& got, bool news) { return OnAnswer(got, news); });
}

bool ConsulConfig::OnAnswer(const HttpGot& got, bool news) {
  std::optional<ConfigTree> tree = Parse(got);
  if (!tree) return false;
  if (tree->revision.empty() && news) {
    LogWarn("registry", "there are no files under ", tree_, " in KV; keeping the configuration");
  } else if (!tree->revision.empty() && tree->revision != revision_) {
    revision_ = tree->revision;
    changed_(std::move(*tree));
  }
  return true;
}

std::optional<ConfigTree> ConsulConfig::Parse(const HttpGot& got) const {
  if (got.status == 404) return ConfigTree();
  if (!got.ok()) return std::nullopt;
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
              status.dump(-1, ' ', false, json::error_handler_t::replace), kConsulLimit};
  loop_.Send(std::move(ask), [this](const HttpGot& got) { health_.Note("tell", got); });
}

void ConsulConfig::TakeBack(const std::string& who) {
  HttpAsk ask{"DELETE", StrCat(settings_.url, "/v1/kv/", UrlPath(status_ + who)), "", kConsulLimit};
  loop_.Send(std::move(ask), [this](const HttpGot& got) { health_.Note("take back", got); });
}

}  // namespace aiges
