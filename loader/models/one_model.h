// SPDX-License-Identifier: Apache-2.0
// loader/models/one_model.h: the one model of a loader without [models], under whatever name.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/models.h"
#include "loader/instances/pool.h"
#include "loader/scheduler/scheduler.h"

namespace aiges {

class OneModel final : public Models {
 public:
  // All of it outlives the model. `reload`: replaces the workers.
  OneModel(std::string name, Pool* pool, Scheduler* scheduler,
           std::function<void(std::function<void(Status)>)> reload)
      : model_(std::make_shared<View>(std::move(name), pool, scheduler)),
        reload_(std::move(reload)) {}

  bool several() const override { return false; }
  Status Find(std::string_view, std::string_view, ModelRef* out) const override {
    *out = model_;
    return Status::Ok();
  }
  ModelRef Default() const override { return model_; }
  std::vector<ModelRef> List() const override { return {model_}; }
  void Load(const std::string&, LoadWish, std::function<void(Status)> done) override {
    reload_(std::move(done));
  }
  void Unload(const std::string&, std::function<void(Status)> done) override {
    done(Status::Error(StatusKind::kUnsupported,
                       "this loader has one model, which is there as long as the loader: [models] "
                       "repository is for several"));
  }
  bool Ready() const override { return model_->Ready(); }

 private:
  class View final : public Model {
   public:
    View(std::string name, Pool* pool, Scheduler* scheduler)
        : name_(std::move(name)), pool_(*pool), scheduler_(*scheduler) {}

    const std::string& name() const override { return name_; }
    const std::string& version() const override { return version_; }
    ModelReport Report() const override {
      ModelReport report;
      report.name = name_;
      report.version = version_;
      report.instances = pool_.ReadyCount();
      report.state = report.instances > 0 ? ModelState::kReady : ModelState::kLoading;
      report.pinned = true;
      return report;
    }
    ModelFigures Figures() const override { return scheduler_.Figures(); }
    bool Ready() const override { return scheduler_.Ready(); }
    std::shared_ptr<const std::string> Schema() const override { return pool_.Schema(); }
    std::shared_ptr<const std::string> Doors() const override { return pool_.Doors(); }
    Resources* resources() override { return &pool_; }

   private:
    const std::string name_, version_ = "1";
    Pool& pool_;
    Scheduler& scheduler_;
  };

  const std::shared_ptr<View> model_;
  const std::function<void(std::function<void(Status)>)> reload_;
};

}  // namespace aiges
