// SPDX-License-Identifier: Apache-2.0
// loader/api/registry.h: the doors to discovery and to the config centre.
//
// An Announcer tells others where this loader is; a ConfigSource brings its configuration. One
// object behind both (loader/registry/) talks to the outside on a thread of its own, so that no
// call ever waits for it.
// Threads: all methods are thread-safe; callbacks come on the registry's thread and must not block
// for long.
// Failure: what the other side refuses, or that it is away, is logged, shown in Report(), and tried
// again with growing pauses; nothing of it stops the service.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/report.h"
#include "loader/base/clock.h"
#include "loader/base/status.h"
#include "loader/base/strings.h"

namespace aiges {

// The files of one service in the config centre.
struct ConfigTree {
  // Names the content: the same files have the same revision everywhere. Empty: there are no files.
  std::string revision;
  Pairs files;  // Relative path -> content, sorted by path.
};

// What a loader did with a tree, told back to whoever pushed it.
struct ConfigVerdict {
  std::string revision;
  bool applied = false;
  std::vector<std::string> errors;   // Why not; empty when it was.
  std::vector<std::string> restart;  // Keys that take effect at the next start.
};

// This loader as others find it.
struct Announcement {
  std::string service;
  std::string address;  // Reachable by others; no port.
  uint16_t grpc_port = 0;
  uint16_t http_port = 0;  // 0: HTTP is off.
  unsigned weight = 1;
  std::vector<std::string> tags;
  Pairs meta;
  bool grpc_check = true;                      // The registry calls the health service, too.
  bool tls = false;                            // Of the port of gRPC.
  std::chrono::milliseconds ttl{6000};         // The loader's word holds so long.
  std::chrono::seconds deregister_after{600};  // Of silence or failure.

  bool operator==(const Announcement&) const = default;
  std::string Id() const { return StrCat(service, "-", address, "-", grpc_port); }
};

class ConfigSource {
 public:
  virtual ~ConfigSource() = default;
  // The files as they are now. Waits for `limit` at most; the only method that waits.
  virtual Status Fetch(std::chrono::milliseconds limit, ConfigTree* out) = 0;
  // From now on, `changed` gets every tree that is not the one of `revision`, the newest at the
  // end. A tree that is gone is not a change: the service keeps what it has.
  virtual void Watch(std::string revision, std::function<void(ConfigTree)> changed) = 0;
  virtual void Tell(ConfigVerdict verdict) = 0;
};

class Announcer {
 public:
  virtual ~Announcer() = default;
  // Registers, and keeps it so: also when the other side forgets. Again with other values: changes.
  virtual void Announce(Announcement announcement) = 0;
  // The loader's own word on whether it takes calls; it counts before the next check does.
  virtual void SetReady(bool ready, std::string why) = 0;
  // Beside the service the models that can be called, each a service of its own name: those that
  // are not among them any more are taken back. SetReady and Withdraw are for them, too.
  virtual void AnnounceModels(std::vector<Announcement> models) { (void)models; }
  // Takes the registration back; waits until it is, or until then.
  virtual void Withdraw(TimePoint until) = 0;
};

class Registry : public Announcer, public ConfigSource {
 public:
  virtual RegistryReport Report() const = 0;
  // How many loaders of this service take calls, this one among them: now, as far as it is known,
  // and at each change. Once. Never called where nobody can know.
  virtual void CountLoaders(std::function<void(unsigned)> changed) { (void)changed; }
};

}  // namespace aiges
