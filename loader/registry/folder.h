// SPDX-License-Identifier: Apache-2.0
// loader/registry/folder.h: configuration out of a folder that has the layout of the KV tree.
//
// <url>/<project>/<group>/<service>/<version>/<path>, watched by looking at it. Who else is there
// is written by people (peers.toml, read by clients), so announcing does nothing, but that those
// are counted that say they are there: by files in <url>/aiges-loaders/<service>, once CountLoaders
// is called. Thread-safe; one thread of its own looks, once Watch is called.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "loader/api/registry.h"
#include "loader/api/settings.h"
#include "loader/base/mutex.h"
#include "loader/registry/folder_loaders.h"

namespace aiges {

class FolderRegistry : public Registry {
 public:
  FolderRegistry(const RegistrySettings& settings, const std::string& service);
  ~FolderRegistry() override;

  Status Fetch(std::chrono::milliseconds limit, ConfigTree* out) override;
  void Watch(std::string revision, std::function<void(ConfigTree)> changed) override;
  void Tell(ConfigVerdict) override {}
  void Announce(Announcement announcement) override;
  void SetReady(bool ready, std::string why) override;
  void Withdraw(TimePoint until) override;
  void CountLoaders(std::function<void(unsigned)> changed) override;
  RegistryReport Report() const override;

 private:
  void TellSelf() REQUIRES(mu_);

  const std::string folder_, loaders_folder_;
  mutable Mutex mu_;
  RegistryReport report_ GUARDED_BY(mu_);
  std::string self_ GUARDED_BY(mu_);  // What others know it as; empty: nothing.
  bool ready_ GUARDED_BY(mu_) = false;
  std::unique_ptr<FolderLoaders> loaders_ GUARDED_BY(mu_);  // Nothing: they are not counted.
  std::jthread looker_;
};

}  // namespace aiges
