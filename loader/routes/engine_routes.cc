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

std::shared_ptr<Declared> EngineRoutes::Of(const ModelRef& model) {
  if (model == nullptr) return Now();
  std::shared_ptr<const std::string> text = model->Schema();
  std::shared_ptr<Declared>& known = others_[text.get()];
  if (known != nullptr) return known;
  constexpr size_t kMost = 256;
  if (others_.size() > kMost) others_.clear();
  const std::string* key = text.get();
  auto made = std::make_shared<Declared>(std::move(text), settings_);
  others_[key] = made;
  return made;
}

// One by one: a path that another has costs the engine no other path.
void EngineRoutes::Claim() {
  const EngineSchema& schema = declared_->schema;
  Claim(schema.routes(), owner_);
  Claim(schema.predict() ? schema.predict()->routes : std::vector<std::string>(), predict_);
}

void EngineRoutes::Claim(const std::vector<std::string>& paths,
                         const std::shared_ptr<RouteOwner>& owner) {
  table_.Release(owner.get());
  for (const std::string& route : paths) {
    const Status status = table_.Claim({{route, Hold::kFirm}}, owner);
    if (!status.ok()) LogWarn("http", "the schema of the engine: ", status.text);
  }
}

}  // namespace aiges
