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

#include "loader/base/mutex.h"
#include "loader/worker/host.h"

namespace aiges {

// Somebody who waits for results of the engine.
class CallbackTarget {
 public:
  virtual ~CallbackTarget() = default;
  // 0: taken; -1: not wanted any more; 1: no room, and `may_wait` was false.
  virtual int Deliver(pDataList results, int code, bool may_wait) = 0;
  // As wrapperCallState.
  virtual int State(int64_t* remaining_ms) const = 0;
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

// Gives the engine the functions that wrapperSetCtrl offers.
void OfferHostFunctions(const Plugin& plugin);

// The synchronous call that runs on this thread, for wrapperCallState; ends with its scope.
class RunningCall {
 public:
  RunningCall(const Host& host, uint64_t id, const char* tag, int64_t deadline_ns);
  ~RunningCall();
  RunningCall(const RunningCall&) = delete;
  RunningCall& operator=(const RunningCall&) = delete;

  int State(int64_t* remaining_ms) const;
  const char* tag() const { return tag_; }

 private:
  const Host& host_;
  const uint64_t id_;
  const char* const tag_;
  const int64_t deadline_ns_;
};

}  // namespace aiges
