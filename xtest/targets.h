// xtest/targets.h: where the calls go: addresses, or a service that Consul knows.
//
// Parsing is pure; ResolveTargets asks Consul over HTTP and may wait for some seconds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "loader/base/status.h"

namespace aiges {

struct Targets {
  std::vector<std::string> hosts;  // host:port.
  std::vector<unsigned> weights;   // Beside hosts.
  // Of consul://service?tag=..&agent=..; service is empty when the hosts were given.
  std::string consul_service, consul_tag, consul_agent = "http://127.0.0.1:8500";
  std::string notice;  // What was corrected, if anything.
};

// "host:port,host:port", "svc@ip:port;ip:port,svc2@ip:port" (those of `service` are taken), or
// "consul://svc?tag=v2&agent=http://consul:8500".
Status ParseTargets(std::string_view text, std::string_view service, Targets* out);

// Fills the hosts from Consul when there are none: the passing instances with their weights.
Status ResolveTargets(Targets* targets);
// The answer of /v1/health/service.
Status ReadConsulAnswer(const std::string& json, Targets* targets);

}  // namespace aiges
