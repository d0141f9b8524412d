// SPDX-License-Identifier: Apache-2.0
// loader/registry/none.h: nobody is told, nobody is asked. The default: no network, no thread.
#pragma once

#include "loader/api/registry.h"

namespace aiges {

class NoRegistry : public Registry {
 public:
  Status Fetch(std::chrono::milliseconds, ConfigTree*) override { return Status::Ok(); }
  void Watch(std::string, std::function<void(ConfigTree)>) override {}
  void Tell(ConfigVerdict) override {}
  void Announce(Announcement) override {}
  void SetReady(bool, std::string) override {}
  void Withdraw(TimePoint) override {}
  RegistryReport Report() const override {
    RegistryReport report;
    report.backend = "none";
    return report;
  }
};

}  // namespace aiges
