// SPDX-License-Identifier: Apache-2.0
// tests/fakes/fake_models.h: models that are there by name, and answer nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/api/models.h"

namespace aiges {

class FakeModel final : public Model {
 public:
  FakeModel(std::string name, std::string version, const std::string& schema)
      : name_(std::move(name)),
        version_(std::move(version)),
        schema_(std::make_shared<const std::string>(schema)) {}

  bool ready = true;
  ModelReport report;
  ModelFigures figures;

  const std::string& name() const override { return name_; }
  const std::string& version() const override { return version_; }
  ModelReport Report() const override {
    ModelReport r = report;
    r.name = name_;
    r.version = version_;
    if (ready) r.state = ModelState::kReady;
    return r;
  }
  ModelFigures Figures() const override { return figures; }
  bool Ready() const override { return ready; }
  std::shared_ptr<const std::string> Schema() const override { return schema_; }
  std::shared_ptr<const std::string> Doors() const override { return doors_; }
  void Wake() override {}

 private:
  const std::string name_, version_;
  const std::shared_ptr<const std::string> schema_;
  const std::shared_ptr<const std::string> doors_ = std::make_shared<const std::string>();
};

// With one model and `any`, every name is its.
class FakeModels final : public Models {
 public:
  explicit FakeModels(std::vector<std::shared_ptr<FakeModel>> models = {})
      : all(std::move(models)) {}

  std::vector<std::shared_ptr<FakeModel>> all;
  bool any = true;

  bool several() const override { return !any; }
  Status Find(std::string_view name, std::string_view version, ModelRef* out) const override {
    for (const auto& model : all) {
      if (any || (model->name() == name && (version.empty() || model->version() == version))) {
        *out = model;
        return Status::Ok();
      }
    }
    return Status::Error(StatusKind::kNotFound, "no such model");
  }
  ModelRef Default() const override { return all.empty() ? nullptr : ModelRef(all.front()); }
  std::vector<ModelRef> List() const override { return {all.begin(), all.end()}; }
  void Load(const std::string&, LoadWish, std::function<void(Status)> done) override {
    done(Status::Ok());
  }
  void Unload(const std::string&, std::function<void(Status)> done) override { done(Status::Ok()); }
  bool Ready() const override { return true; }
};

}  // namespace aiges
