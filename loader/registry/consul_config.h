// SPDX-License-Identifier: Apache-2.0
// loader/registry/consul_config.h: the files of one service in Consul's KV, watched.
//
// aiges/<project>/<group>/<service>/<version>/<path> are the files; what a loader did with them
// goes to aiges-status/..., outside the watched tree, so that telling it wakes nobody. The watch is
// a blocking query. Belongs to the HttpLoop's thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "loader/api/registry.h"
#include "loader/api/settings.h"
#include "loader/registry/consul_query.h"

namespace aiges {

class ConsulConfig {
 public:
  ConsulConfig(const RegistrySettings& settings, const std::string& service, HttpLoop* loop,
               ConsulHealth* health);

  // `done` gets the tree, or why there is none; asks again until `until` when nobody answers.
  void Fetch(TimePoint until, std::function<void(Status, ConfigTree)> done);
  void Watch(std::string revision, std::function<void(ConfigTree)> changed);
  void Tell(const ConfigVerdict& verdict, const std::string& who);
  void TakeBack(const std::string& who);

 private:
  bool OnAnswer(const HttpGot& got, bool news);
  // Nothing when the answer is none, or makes no sense; an empty revision when there are no files.
  std::optional<ConfigTree> Parse(const HttpGot& got) const;
  std::string TreeUrl() const;

  const RegistrySettings settings_;
  const std::string tree_;    // With a slash at the end.
  const std::string status_;  // The same.
  HttpLoop& loop_;
  ConsulHealth& health_;
  ConsulQuery query_;
  Pauses pauses_;
  std::function<void(ConfigTree)> changed_;
  std::string revision_;
};

}  // namespace aiges
