// SPDX-License-Identifier: Apache-2.0
#include "loader/registry/consul.h"

#include <future>
#include <set>
#include <utility>

namespace aiges {
namespace {

HttpLoopOptions LoopOptions(const RegistrySettings& settings) {
  HttpLoopOptions options;
  options.thread = "registry";
  if (!settings.token.empty()) options.headers.emplace_back("X-Consul-Token", settings.token);
  options.ca_file = settings.ca_file;
  options.cert_file = settings.cert_file;
  options.key_file = settings.key_file;
  return options;
}

}  // namespace

Consul::Consul(const RegistrySettings& settings, const std::string& service)
    : loop_(std::make_unique<HttpLoop>(LoopOptions(settings))),
      config_(settings, service, loop_.get(), &health_),
      announcer_(settings, loop_.get(), &health_),
      loaders_(settings, service, loop_.get(), &health_),
      settings_(settings) {}

Consul::~Consul() { loop_.reset(); }

Status Consul::Fetch(std::chrono::milliseconds limit, ConfigTree* out) {
  const TimePoint until = std::chrono::steady_clock::now() + limit;
  auto result = std::make_shared<std::promise<std::pair<Status, ConfigTree>>>();
  auto future = result->get_future();
  loop_->Post([this, until, result] {
    config_.Fetch(until, [result](Status status, ConfigTree tree) {
      result->set_value({std::move(status), std::move(tree)});
    });
  });
  auto [status, tree] = future.get();
  *out = std::move(tree);
  return status;
}

void Consul::Watch(std::string revision, std::function<void(ConfigTree)> changed) {
  loop_->Post([this, revision = std::move(revision), changed = std::move(changed)] {
    config_.Watch(revision, changed);
  });
}

void Consul::Tell(ConfigVerdict verdict) {
  loop_->Post([this, verdict = std::move(verdict)] {
    verdict_ = verdict;
    if (!who_.empty()) config_.Tell(verdict, who_);
  });
}

void Consul::Announce(Announcement announcement) {
  loop_->Post([this, announcement = std::move(announcement)] {
    const bool first = who_.empty();
    who_ = announcement.Id();
    if (first && verdict_) config_.Tell(*verdict_, who_);
    loaders_.SetSelf(who_);
    announcer_.Announce(announcement);
  });
}

void Consul::CountLoaders(std::function<void(unsigned)> changed) {
  loop_->Post([this, changed = std::move(changed)] { loaders_.Watch(changed); });
}

void Consul::SetReady(bool ready, std::string why) {
  loop_->Post([this, ready, why = std::move(why)] {
    announcer_.SetReady(ready, why);
    if (ready) return;  // Of each model that is said by itself.
    for (auto& [id, model] : models_) model->announcer.SetReady(false, why);
  });
}

void Consul::AnnounceModels(std::vector<Announcement> models) {
  loop_->Post([this, models = std::move(models)] { TakeModels(models); });
}

void Consul::TakeModels(const std::vector<Announcement>& models) {
  std::set<std::string> ids;
  for (const Announcement& model : models) {
    ids.insert(model.Id());
    std::unique_ptr<OfModel>& known = models_[model.Id()];
    if (known == nullptr) known = std::make_unique<OfModel>(settings_, loop_.get());
    known->leaves = false;
    known->announcer.SetReady(true, "");
    known->announcer.Announce(model);
  }
  for (auto& [id, model] : models_) {
    if (ids.count(id) > 0 || std::exchange(model->leaves, true)) continue;
    model->announcer.SetReady(false, "the model is not loaded");
    model->announcer.Withdraw([] {});
  }
}

void Consul::Withdraw(TimePoint until) {
  auto gone = std::make_shared<std::promise<void>>();
  auto future = gone->get_future();
  loop_->Post([this, gone] {
    if (verdict_ && !who_.empty()) config_.TakeBack(who_);
    auto left = std::make_shared<size_t>(models_.size() + 1);
    const auto one = [left, gone] {
      if (--*left == 0) gone->set_value();
    };
    for (auto& [id, model] : models_) {
      if (model->leaves) {
        one();
      } else {
        model->announcer.Withdraw(one);
      }
    }
    announcer_.Withdraw(one);
  });
  future.wait_until(until);
}

}  // namespace aiges
