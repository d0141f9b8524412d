// SPDX-License-Identifier: Apache-2.0
// loader/configurator.h: the configuration in force, and how a changed one gets there.
//
// Two ways in: "load again" (SIGHUP, POST /admin/reload, a watched file), which always replaces the
// workers, and a tree that the config centre pushes, which does what its changed keys need
// (config/changes.h): at once, by replacing the workers, or not before the next start. A
// configuration with mistakes, or whose workers do not start, is refused as a whole: the old one
// goes on. Threads: all is thread-safe. Changes are applied one after the other on a thread of
// their own; of trees that come meanwhile only the newest is looked at.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "loader/api/registry.h"
#include "loader/base/mutex.h"
#include "loader/config/flags.h"
#include "loader/config/parse.h"
#include "loader/config/tree_cache.h"

namespace aiges {

// What a changed configuration is applied to. Called on the configurator's thread.
struct ConfigTargets {
  // Before all else: whether all that it names can be used. Not ok: the configuration is refused.
  std::function<Status(const Settings&)> check;
  // Replaces the workers; returns when that is done or has failed.
  std::function<Status(const Settings&)> roll;
  std::function<void(const Settings&)> hot;
};

class Configurator {
 public:
  explicit Configurator(const Flags& flags);
  ~Configurator();

  // Reads the file, or pulls the tree. Once, before all else.
  ParseResult Start();
  Registry& registry() { return *registry_; }

  // From now on changes are applied; until Stop.
  void Follow(ConfigTargets targets);
  void Stop();
  void Reload(std::function<void(Status)> done);

  Settings InForce() const;
  ConfigReport Report() const;

 private:
  struct Job {
    std::optional<ConfigTree> tree;  // None: load again.
    std::function<void(Status)> done;
  };

  ParseResult Pull();
  ParseResult FromCache(const std::string& why);
  ParseResult LoadTree(const ConfigTree& tree) const;
  void Push(Job job);
  void Run();
  void Take(const ConfigTree& tree);
  Status Again();
  void Use(const Settings& fresh);
  void Refuse(const std::string& revision, std::vector<std::string> errors);

  const Flags flags_;
  mutable TreeCache cache_;
  std::unique_ptr<Registry> registry_;
  ConfigTargets targets_;
  Settings started_;  // Immutable after Start.

  mutable Mutex mu_;
  CondVar wake_;
  Settings in_force_ GUARDED_BY(mu_);
  ConfigReport report_ GUARDED_BY(mu_);
  std::deque<Job> jobs_ GUARDED_BY(mu_);
  bool stopping_ GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace aiges
