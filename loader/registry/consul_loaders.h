// SPDX-License-Identifier: Apache-2.0
// loader/registry/consul_loaders.h: how many loaders of a service Consul knows that take calls.
//
// A query of /v1/health/service, so that a change is known at once. While Consul does not answer
// the last number stays. Belongs to the HttpLoop's thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/api/settings.h"
#include "loader/outbound/http_loop.h"
#include "loader/registry/consul_query.h"

namespace aiges {

class ConsulLoaders {
 public:
  ConsulLoaders(const RegistrySettings& settings, const std::string& service, HttpLoop* loop,
                ConsulHealth* health);

  // `changed`: at each change of the number, this loader among them whether Consul knows it or not.
  // Once.
  void Watch(std::function<void(unsigned)> changed);
  // What this one is registered as.
  void SetSelf(const std::string& id);

 private:
  bool OnAnswer(const HttpGot& got);
  void Tell();

  ConsulQuery query_;
  std::function<void(unsigned)> changed_;
  std::string self_;
  std::optional<std::vector<std::string>> ids_;  // The last that made sense.
  unsigned told_ = 0;
};

// What services of the answer are registered as. Nothing where it makes no sense.
std::optional<std::vector<std::string>> ServiceIds(std::string_view answer);

}  // namespace aiges
