// SPDX-License-Identifier: Apache-2.0
// loader/worker/callbacks.h: the functions that an engine may call, and who they reach.
//
// The C ABI names a call or session by its usrTag alone. A target stays in the table from before
// its engine function is called until it wants no more; a callback for any other tag is refused.
// Threads: everything may be called from any thread, also from inside an engine function.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "loader/base/mutex.h"
#include "loader/worker/host.h"

namespace aiges {

// Somebody who waits for results of the engine.
class CallbackTarget {
 public:
  virtual ~CallbackTarget() = default;
  // 0: taken; -1: not wanted any more; 1: no room, and `may_wait` was false.
  virtual int Deliver(pDataList results, int code, bool may_wait) = 0;
  // As wrapperDoorTook.
  virtual int Took(uint64_t) { return 0; }
  // As wrapperCallState.
  virtual int State(int64_t* remaining_ms) const = 0;
  // Of the call or session, as the loader has it.
  virtual uint64_t id() const = 0;
};

class CallbackTable {
 public:
  // False: the tag is in use.
  bool Add(const std::string& tag, std::shared_ptr<CallbackTarget> target);
  void Remove(const std::string& tag);
  std::shared_ptr<CallbackTarget> Find(const char* tag) const;

 private:
  mutable Mutex mu_;
  std::unordered_map<std::string, std::shared_ptr<CallbackTarget>> targets_ GUARDED_BY(mu_);
};

CallbackTable& GetCallbackTable();

// wrapperCallback for Create and ExecAsync.
int OnEngineResult(const void* usr_tag, pDataList results, int code);

// Gives the engine the functions that wrapperSetCtrl offers. The period is that of kInit.
void OfferHostFunctions(const Plugin& plugin, unsigned alive_period_ms);

// The calls and sessions of that tag, as the loader has them; without a tag those that run on this
// thread. The one that is waited for longest comes first.
std::vector<uint64_t> FindCallers(const char* tag);

// The worker is to end by then: what wrapperCallState says where it is asked about no call.
void SetEnd(int64_t end_ns);

// A call that the engine answers by returning. The tag is the caller's until the call has ended.
struct RunningCall {
  uint64_t id = 0;
  const char* tag = nullptr;
  int64_t deadline_ns = 0;
};

// The calls that one of the worker's threads runs now: none, one, or a batch. Made and used by that
// thread; wrapperCallState looks in from any.
class RunningCalls {
 public:
  explicit RunningCalls(const Host& host);
  ~RunningCalls();
  RunningCalls(const RunningCalls&) = delete;
  RunningCalls& operator=(const RunningCalls&) = delete;

  // Those with that tag, or all: by when each is waited for, and its number.
  void Collect(const char* tag, std::vector<std::pair<int64_t, uint64_t>>* found) const;
  // True: calls with that tag run here. Of several the one that is waited for longest speaks.
  bool State(const char* tag, int* state, int64_t* remaining_ms) const;

 private:
  friend class RunningScope;
  void Set(const RunningCall* calls, size_t count) {
    MutexLock lock(mu_);  // Nobody else's but while somebody asks.
    calls_ = calls;
    count_ = count;
  }

  const Host& host_;
  mutable Mutex mu_;
  const RunningCall* calls_ GUARDED_BY(mu_) = nullptr;
  size_t count_ GUARDED_BY(mu_) = 0;
};

// The calls run until it ends.
class RunningScope {
 public:
  RunningScope(RunningCalls* place, const RunningCall* calls, size_t count) : place_(*place) {
    place_.Set(calls, count);
  }
  ~RunningScope() { place_.Set(nullptr, 0); }
  RunningScope(const RunningScope&) = delete;
  RunningScope& operator=(const RunningScope&) = delete;

 private:
  RunningCalls& place_;
};

}  // namespace aiges
