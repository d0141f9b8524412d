// SPDX-License-Identifier: Apache-2.0
#include "loader/registry/consul_loaders.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "loader/base/numbers.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kLongestPause{3000}, kLimit{3000}, kWaitLimit{70'000};
constexpr const char* kWait = "60s";
// Without an index Consul does not hold the query; and a cluster in trouble may answer at once.
constexpr milliseconds kUnheld{1000};

}  // namespace

std::optional<unsigned> CountOthers(std::string_view answer, std::string_view self) {
  const json all = json::parse(answer, nullptr, false);
  if (!all.is_array()) return std::nullopt;
  unsigned others = 0;
  for (const json& each : all) {
    const auto service = each.is_object() ? each.find("Service") : each.end();
    if (!each.is_object() || service == each.end() || !service->is_object()) return std::nullopt;
    const auto id = service->find("ID");
    if (id == service->end() || !id->is_string()) return std::nullopt;
    if (id->get_ref<const std::string&>() != self) ++others;
  }
  return others;
}

ConsulLoaders::ConsulLoaders(const RegistrySettings& settings, const std::string& service,
                             HttpLoop* loop, ConsulHealth* health)
    : url_(StrCat(settings.url, "/v1/health/service/", UrlPath(service), "?passing=true")),
      loop_(*loop),
      health_(*health),
      pauses_(kLongestPause) {}

void ConsulLoaders::Watch(std::function<void(unsigned)> changed) {
  changed_ = std::move(changed);
  Query();
}

void ConsulLoaders::SetSelf(const std::string& id) {
  if (std::exchange(self_, id) != id) Tell();
}

void ConsulLoaders::Query() {
  std::string url = url_;
  if (index_ > 0) StrAppend(&url, "&index=", index_, "&wait=", kWait);
  asked_ = std::chrono::steady_clock::now();
  HttpAsk ask{"GET", std::move(url), "", index_ > 0 ? kWaitLimit : kLimit};
  loop_.Send(std::move(ask), [this](const HttpGot& got) { OnAnswer(got); });
}

void ConsulLoaders::OnAnswer(const HttpGot& got) {
  health_.Note("count loaders", got);
  if (!got.ok() || !CountOthers(got.body, self_)) {
    index_ = 0;  // Whoever answers next may count anew.
    return loop_.After(pauses_.Next(), [this] { Query(); });
  }
  pauses_.Reset();
  answer_ = got.body;
  Tell();
  uint64_t index = 0;
  if (const std::string* text = Find(got.headers, "x-consul-index")) ReadWhole(*text, &index);
  const bool news = index != index_;
  index_ = index < index_ ? 0 : index;
  const bool held = std::chrono::steady_clock::now() - asked_ >= kUnheld;
  const bool soon = index_ > 0 && (news || held);
  loop_.After(soon ? milliseconds(50) : kUnheld, [this] { Query(); });
}

void ConsulLoaders::Tell() {
  if (!changed_ || answer_.empty()) return;
  const unsigned loaders = CountOthers(answer_, self_).value_or(0) + 1;
  if (std::exchange(told_, loaders) != loaders) changed_(loaders);
}

}  // namespace aiges
