// SPDX-License-Identifier: Apache-2.0
// loader/worker/model_calls.h: calls of other models that the engine makes: from wrapperCallModel
// to wrapperCallEnd.
//
// An answer is a frame that whoever reads the channel puts in (On). A thread that waits for one
// reads the channel itself when nobody else does (ChannelReader): so a worker with one thread gets
// its answer as soon as it is there.
//
// Threads: everything may be called from any thread; those of one call by one at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "aiges/wrapper.h"
#include "loader/base/clock.h"
#include "loader/base/mutex.h"
#include "loader/base/status.h"
#include "loader/channel/endpoint.h"
#include "loader/worker/host.h"
#include "loader/worker/lists.h"

namespace aiges {

// Who can read the channel for a thread that waits.
class ChannelReader {
 public:
  virtual ~ChannelReader() = default;
  // Until done() or that time. done() looks at what On has put in.
  virtual void ReadUntil(const std::function<bool()>& done, TimePoint until) = 0;
};

class ModelCalls {
 public:
  // The engine is up: from now on calls can be made. Both live as long as the process.
  void Open(const Host* host, ChannelReader* reader);

  // As wrapperCallModel, wrapperCallNext and wrapperCallEnd.
  uint64_t Begin(const char* usr_tag, const CallOut& out, int timeout_ms, wrapperCallReady ready,
                 void* context);
  int Next(uint64_t id, int wait_ms, WCallAnswer* answer);
  int End(uint64_t id);

  // kCallAnswer; of a call that has ended: late.
  void On(const Frame& frame);

 private:
  struct Call {
    // Set before it is in the table.
    bool session = false;
    wrapperCallReady ready = nullptr;
    void* context = nullptr;

    // With mu_.
    std::deque<std::string> came;  // Bodies of kCallAnswer that were not taken.
    bool whole = false;            // The last one has come.
    bool sent = false;             // The loader knows it.

    // Of the thread that asks.
    std::string body, error;
    DataInput data;
    bool shared = false;  // An answer lies in shared memory.
    bool over = false;    // The last one was taken.
    bool holds = false;   // An answer was taken that the loader was not told of.
  };
  using CallPtr = std::shared_ptr<Call>;

  CallPtr Find(uint64_t id) const;
  bool There(const Call& call) const {
    MutexLock lock(mu_);
    return !call.came.empty();
  }
  // An answer that the loader did not give.
  void Refuse(uint64_t id, const CallPtr& call, StatusKind kind, const std::string& text);
  void Put(uint64_t id, Call* call, std::string_view body) REQUIRES(mu_);
  void Read(Call* call, WCallAnswer* answer) const;

  std::atomic<const Host*> host_{nullptr};
  std::atomic<ChannelReader*> reader_{nullptr};
  std::atomic<uint64_t> next_{1};
  mutable Mutex mu_;
  std::unordered_map<uint64_t, CallPtr> calls_ GUARDED_BY(mu_);
};

// The one of the process: host functions carry no context.
ModelCalls& GetModelCalls();

// Gives the engine the functions.
void OfferModelCalls(const Plugin& plugin);

}  // namespace aiges
