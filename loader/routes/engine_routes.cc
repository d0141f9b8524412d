// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/engine_routes.h"

#include <utility>

#include "loader/base/log.h"

namespace aiges {

Declared::Declared(std::shared_ptr<const std::string> said, const Settings& settings)
    : text(std::move(said)), schema(*text, settings.service.name) {
  for (const std::string& problem : schema.problems()) {
    LogWarn("http", "the schema of the engine: ", problem);
  }
  if (!settings.http.validate) return;
  check.emplace(schema);
  if (!check->problem().empty()) {
    LogWarn("http", "[http] validate has no effect: the schema of the engine cannot be used: ",
            check->problem());
  } else if (!schema.declared()) {
    LogWarn("http", "[http] validate has no effect: the engine declares no schema");
  }
}

const std::shared_ptr<Declared>& EngineRoutes::Now() {
  std::shared_ptr<const std::string> text = actions_.schema();
  if (declared_ == nullptr || declared_->text != text) {
    declared_ = std::make_shared<Declared>(std::move(text), settings_);
    Claim();
  }
  return declared_;
}

// One by one: a path that another has costs the engine no other path.
void EngineRoutes::Claim() {
  table_.Release(owner_.get());
  for (const std::string& route : declared_->schema.routes()) {
    const Status status = table_.Claim({{route, Hold::kFirm}}, owner_);
    if (!status.ok()) LogWarn("http", "the schema of the engine: ", status.text);
  }
}

}  // namespace aiges
