// SPDX-License-Identifier: Apache-2.0
// loader/instances/resource_set.h: the same resources, under the same numbers, in every worker.
//
// Overview. A load or unload is sent to every worker that there is and is over when each worker
// that serves has answered or died; what one of them cannot load, or none could, none has. A worker
// that starts gets all resources behind its start, and serves once it has them; one that cannot
// load what the others have does not serve at all.
//
// A worker reads a resource from memory that it shares with the loader, so that memory stays until
// each worker that was told to read it has answered or is dead, also when the resource is gone.
//
// Bounded by count and bytes ([limits]); loads under way and memory that is still being read
// count. No clock and no process: it says through Wire what is to be sent, and is told what came.
// Threads: caller synchronises (the hub thread). `done` functions are called within its methods and
// must not call in.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "loader/api/request.h"
#include "loader/api/settings.h"
#include "loader/instances/frames.h"

namespace aiges {

class ResourceSet {
 public:
  // A reader is the process at a place (api/worker.h); from its start to its death.
  class Wire {
   public:
    virtual ~Wire() = default;
    // False: the process is gone, or it is too large; nothing was sent, no answer will come.
    virtual bool SendLoad(unsigned to, uint64_t resource, const Payload& payload) = 0;
    virtual bool SendUnload(unsigned to, uint64_t resource) = 0;
    // It cannot load what it must have, and is to be ended.
    virtual void Reject(unsigned reader, std::string why) = 0;
  };
  using Done = std::function<void(Status status, unsigned id)>;

  ResourceSet(const LimitSettings& limits, Wire* wire) : limits_(limits), wire_(*wire) {}

  void Load(Payload payload, Done done);
  void Unload(unsigned id, Done done);
  // Those under way are answered so, and no more are taken.
  void Stop(const Status& status);

  // A worker has started: it is sent everything, behind its start.
  void AddReader(unsigned reader);
  // Its engine is up. It may serve when Complete is true; that may come later.
  bool Complete(unsigned reader) const;
  // It serves: loads wait for it from now on.
  void Serves(unsigned reader) { readers_[reader] = true; }
  void OnLoaded(unsigned reader, const LoadedFrame& answer);
  // It is dead: it reads nothing any more.
  void RemoveReader(unsigned reader);

  size_t count() const { return resources_.size(); }
  uint64_t bytes() const { return bytes_; }  // Kept, also those that are only still being read.

 private:
  enum class State { kLoading, kLoaded, kUnloading, kGone };
  struct Resource {
    Payload payload;
    uint64_t bytes = 0;
    State state = State::kLoading;
    std::map<unsigned, unsigned> answers;    // That each has still to give, to loads and unloads.
    std::map<unsigned, std::string> failed;  // Of workers that do not serve yet, while it loads.
    bool taken = false;                      // By one that serves.
    Status status;                           // The first failure of one that serves.
    Done done;                               // Of the load or unload under way.
  };

  // Why no more is taken; ok if it is.
  Status Refusal(uint64_t bytes) const;
  bool WaitsForOneThatServes(const Resource& resource) const;
  // Goes on with what has no more answers to wait for, and forgets what nobody reads.
  void Settle(uint64_t id);
  void EndLoad(uint64_t id, Resource* resource);
  void SendUnloads(uint64_t id, Resource* resource);

  const LimitSettings limits_;
  Wire& wire_;
  Status stopped_;  // Not ok: why nothing is taken any more.
  unsigned last_ = 0;
  uint64_t bytes_ = 0;
  std::map<uint64_t, Resource> resources_;
  std::map<unsigned, bool> readers_;  // Whether it serves.
};

}  // namespace aiges
