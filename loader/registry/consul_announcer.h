// SPDX-License-Identifier: Apache-2.0
// loader/registry/consul_announcer.h: keeps this loader registered with the Consul agent.
//
// One request at a time, so that none overtakes another:
//   nothing wanted -> registering -> registered (a heartbeat every ttl / 3) -> taken back
// An agent that answers a heartbeat with an error has forgotten the registration: it is made again.
// The service <name> has the gRPC port, <name>-http the HTTP port (a DNS SRV record names one
// port). Belongs to the HttpLoop's thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "loader/api/registry.h"
#include "loader/api/settings.h"
#include "loader/registry/consul_api.h"

namespace aiges {

class ConsulAnnouncer {
 public:
  ConsulAnnouncer(const RegistrySettings& settings, HttpLoop* loop, ConsulHealth* health);

  void Announce(Announcement announcement);  // Also after Withdraw.
  void SetReady(bool ready, std::string why);
  void Withdraw(std::function<void()> done);

 private:
  enum class State { kAbsent, kRegistered, kWithdrawn };

  void Step();
  void Register();
  void RegisterHttp();
  void Registered();
  void Update();
  void Deregister();
  void Failed();
  void Send(const char* what, std::string path, std::string body,
            std::function<void(const HttpGot&)> done);
  std::string ServiceJson(bool http) const;
  std::string ChecksJson() const;
  std::string Word() const { return ready_ ? "ready" : "not ready: " + why_; }

  const RegistrySettings settings_;
  HttpLoop& loop_;
  ConsulHealth& health_;
  Pauses pauses_;
  State state_ = State::kAbsent;
  std::optional<Announcement> wanted_;
  std::string id_;
  bool grpc_refused_ = false;  // The agent makes no gRPC checks.
  bool ready_ = false;
  std::string why_ = "not started";
  std::string told_;        // The word that the agent has.
  bool confirmed_ = false;  // The agent has taken a heartbeat since it took the registration.
  bool beat_due_ = false;
  uint64_t beat_ = 0;     // The heartbeat that the timer belongs to.
  bool again_ = false;    // Announced while it is being taken back.
  bool busy_ = false;     // A request is on its way.
  bool pausing_ = false;  // After a failure.
  std::function<void()> withdrawn_;
};

}  // namespace aiges
