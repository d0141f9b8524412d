// SPDX-License-Identifier: Apache-2.0
// loader/registry/folder.h: configuration out of a folder that has the layout of the KV tree.
//
// <url>/<project>/<group>/<service>/<version>/<path>, watched by looking at it. Who else is there
// is written by people (peers.toml, read by clients), so announcing does nothing. Thread-safe; one
// thread of its own looks, once Watch is called.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "loader/api/registry.h"
#include "loader/api/settings.h"
#include "loader/base/mutex.h"

namespace aiges {

class FolderRegistry : public Registry {
 public:
  FolderRegistry(const RegistrySettings& settings, const std::string& service);
  ~FolderRegistry() override;

  Status Fetch(std::chrono::milliseconds limit, ConfigTree* out) override;
  void Watch(std::string revision, std::function<void(ConfigTree)> changed) override;
  void Tell(ConfigVerdict) override {}
  void Announce(Announcement) override {}
  void SetReady(bool, std::string) override {}
  void Withdraw(TimePoint) override {}
  RegistryReport Report() const override;

 private:
  const std::string folder_;
  mutable Mutex mu_;
  RegistryReport report_ GUARDED_BY(mu_);
  std::jthread looker_;
};

}  // namespace aiges
