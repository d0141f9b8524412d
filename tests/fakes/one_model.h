// SPDX-License-Identifier: Apache-2.0
// tests/fakes/one_model.h: one model that answers to every name and says what a test wants.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/models.h"

namespace aiges {

class OneModel : public Models {
 public:
  class View : public Model {
   public:
    const std::string& name() const override { return name_; }
    const std::string& version() const override { return version_; }
    ModelReport Report() const override {
      ModelReport report;
      report.name = name_;
      report.version = version_;
      report.state = ModelState::kReady;
      return report;
    }
    ModelFigures Figures() const override { return {}; }
    bool Ready() const override { return true; }
    std::shared_ptr<const std::string> Schema() const override { return schema; }
    std::shared_ptr<const std::string> Doors() const override { return doors; }
    void Wake() override {}
    Resources* resources() override { return nullptr; }

    std::shared_ptr<const std::string> schema = std::make_shared<const std::string>();
    std::shared_ptr<const std::string> doors = std::make_shared<const std::string>();

   private:
    const std::string name_ = "svcName", version_ = "1";
  };

  bool several() const override { return false; }
  Status Find(std::string_view, std::string_view, ModelRef* out) const override {
    *out = model;
    return Status::Ok();
  }
  ModelRef Default() const override { return model; }
  std::vector<ModelRef> List() const override { return {model}; }
  void Load(const std::string&, LoadWish, std::function<void(Status)> done) override {
    done(Status::Ok());
  }
  void Unload(const std::string&, std::function<void(Status)> done) override { done(Status::Ok()); }
  bool Ready() const override { return true; }

  const std::shared_ptr<View> model = std::make_shared<View>();
};

}  // namespace aiges
