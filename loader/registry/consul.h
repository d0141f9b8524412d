// SPDX-License-Identifier: Apache-2.0
// loader/registry/consul.h: registration and configuration by Consul's HTTP API.
//
// Thread-safe; the work is done on the HttpLoop's thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loader/api/registry.h"
#include "loader/api/settings.h"
#include "loader/outbound/http_loop.h"
#include "loader/registry/consul_announcer.h"
#include "loader/registry/consul_api.h"
#include "loader/registry/consul_config.h"
#include "loader/registry/consul_loaders.h"

namespace aiges {

class Consul : public Registry {
 public:
  Consul(const RegistrySettings& settings, const std::string& service);
  ~Consul() override;

  Status Fetch(std::chrono::milliseconds limit, ConfigTree* out) override;
  void Watch(std::string revision, std::function<void(ConfigTree)> changed) override;
  void Tell(ConfigVerdict verdict) override;
  void Announce(Announcement announcement) override;
  void SetReady(bool ready, std::string why) override;
  void AnnounceModels(std::vector<Announcement> models) override;
  void Withdraw(TimePoint until) override;
  RegistryReport Report() const override { return health_.Report(); }
  void CountLoaders(std::function<void(unsigned)> changed) override;

 private:
  ConsulHealth health_;
  std::unique_ptr<HttpLoop> loop_;  // Ends before what its callbacks use.
  ConsulConfig config_;
  ConsulAnnouncer announcer_;
  ConsulLoaders loaders_;
  struct OfModel {
    OfModel(const RegistrySettings& settings, HttpLoop* loop)
        : announcer(settings, loop, &health) {}
    ConsulHealth health;  // The report is about the service.
    ConsulAnnouncer announcer;
    bool leaves = false;
  };
  void TakeModels(const std::vector<Announcement>& models);

  const RegistrySettings settings_;
  // The loop's thread.
  std::map<std::string, std::unique_ptr<OfModel>> models_;  // By the id of the announcement.
  std::string who_;  // The id of the announcement: verdicts are told under it.
  std::optional<ConfigVerdict> verdict_;
};

}  // namespace aiges
