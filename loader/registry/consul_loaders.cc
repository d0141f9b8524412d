// SPDX-License-Identifier: Apache-2.0
#include "loader/registry/consul_loaders.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "loader/base/strings.h"

namespace aiges {

using nlohmann::json;

std::optional<std::vector<std::string>> ServiceIds(std::string_view answer) {
  const json all = json::parse(answer, nullptr, false);
  if (!all.is_array()) return std::nullopt;
  std::vector<std::string> ids;
  for (const json& each : all) {
    const auto service = each.is_object() ? each.find("Service") : each.end();
    if (!each.is_object() || service == each.end() || !service->is_object()) return std::nullopt;
    const auto id = service->find("ID");
    if (id == service->end() || !id->is_string()) return std::nullopt;
    ids.push_back(id->get<std::string>());
  }
  return ids;
}

ConsulLoaders::ConsulLoaders(const RegistrySettings& settings, const std::string& service,
                             HttpLoop* loop, ConsulHealth* health)
    : query_(StrCat(settings.url, "/v1/health/service/", UrlPath(service), "?passing=true"),
             "count loaders", loop, health) {}

void ConsulLoaders::Watch(std::function<void(unsigned)> changed) {
  changed_ = std::move(changed);
  query_.Start([this](const HttpGot& got, bool) { return OnAnswer(got); });
}

void ConsulLoaders::SetSelf(const std::string& id) {
  if (std::exchange(self_, id) != id) Tell();
}

bool ConsulLoaders::OnAnswer(const HttpGot& got) {
  if (!got.ok()) return false;
  auto ids = ServiceIds(got.body);
  if (!ids) return false;
  ids_ = std::move(ids);
  Tell();
  return true;
}

void ConsulLoaders::Tell() {
  if (!changed_ || !ids_) return;
  const auto own = std::count(ids_->begin(), ids_->end(), self_);
  const auto loaders = static_cast<unsigned>(ids_->size() - own + 1);
  if (std::exchange(told_, loaders) != loaders) changed_(loaders);
}

}  // namespace aiges
