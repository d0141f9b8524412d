// SPDX-License-Identifier: Apache-2.0
// wrapper/session.h: one session or asynchronous call, and the table of all of them.
//
// The base is what those see who deliver results; how a session is served is its class:
//   HookSession    (hook_session.h)    the user's own wrapperCreate, Write, Read, Destroy
//   StepSession    (step_session.h)    a plain generator, stepped by wrapperRead
//   DrivenSession  (driven_session.h)  every other generator and coroutine, run by _streaming.py
// A call that wrapperOnceExecAsync answers by callback is a Session and nothing more.
//
// Ownership: shared by the host's handle, the table, and who is at work with it. Python objects in
// it are given back with DropReferences, because the last of these may not hold the GIL.
// Locks: a session's and the table's are never held while the GIL is taken or the host's callback
// is called, and the GIL is never held while that callback may wait.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "aiges/wrapper.h"
#include "wrapper/call_context.h"
#include "wrapper/contract.h"

namespace aiges::shim {

// The arguments of wrapperCreate and wrapperExecAsync.
struct SessionStart {
  Contract& contract;
  const char* tag;
  const ParamList* params;
  wrapperCallback callback;  // NULL: results are read.
  const unsigned* psr_ids;
  int psr_count;
};

class DrivenSession;

class Session : public std::enable_shared_from_this<Session> {
 public:
  enum class Kind { kSession, kCall };  // A call has one answer, and ends with it.

  Session(const SessionStart& start, Kind kind);
  virtual ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  // Before all else, with the GIL. False: a Python exception is set.
  bool ReadParams(const ParamList* params);

  // The host's calls of a session: never two at once, with the GIL. 0, or a code after SetError.
  virtual int Open() { return 0; }
  virtual int Write(const DataList*) { return 0; }
  virtual int Read(ResultList*) { return 0; }
  virtual int Close() { return 0; }
  virtual void DropReferences();

  virtual DrivenSession* driven() { return nullptr; }

  // Delivery, from any thread, with the GIL; Hand gives it up meanwhile, as the host may wait for
  // the client. 0: taken, -1: nobody wants more, kNoRoom: kept for Retry (only without may_wait).
  static constexpr int kNoRoom = 1;
  int Hand(std::unique_ptr<ResultList> results, bool may_wait);
  int HandError(int code);
  int Retry(bool may_wait);

  bool IsOver() const;
  void End();         // Nobody wants more.
  bool TakeAnswer();  // True once: for whoever may answer a call. Nobody finds it any more.

  Contract& contract() const { return contract_; }
  const std::string& tag() const { return tag_; }
  const std::string& sid() const { return sid_; }
  const std::string& handle() const { return handle_; }
  Kind kind() const { return kind_; }
  bool answers_by_callback() const { return callback_ != nullptr; }
  CallArgs args() const {
    return {tag_.c_str(), params_.get(), psr_ids_.data(), static_cast<int>(psr_ids_.size())};
  }

 protected:
  Ref params_, py_sid_;
  std::string handle_;  // The user's name for it, which callback() may use, as sid_.

 private:
  int HandHead(pDataList head, int code, bool may_wait);

  Contract& contract_;
  const Kind kind_;
  const std::string tag_;
  const CallNote caller_;
  const wrapperCallback callback_;
  std::string sid_;
  const std::vector<unsigned> psr_ids_;

  mutable std::mutex mu_;
  bool over_ = false;            // With mu_.
  pDataList pending_ = nullptr;  // Found no room. The driver's.
};

using SessionPtr = std::shared_ptr<Session>;

// Every session and call by its names. Thread-safe.
class SessionTable {
 public:
  static SessionTable& Get();
  void Add(const SessionPtr& session);
  void Remove(const Session& session);  // The caller holds it.
  SessionPtr Find(const std::string& name) const;

 private:
  using Names = std::unordered_map<std::string, SessionPtr>;
  static void Erase(Names* names, const std::string& name, const Session& session);

  mutable std::mutex mu_;
  Names by_tag_, by_name_;
};

// A wrapperCallback that never waits, from wrapperSetCtrl; NULL is fine.
void SetTryCallback(wrapperCallback function);
wrapperCallback TryCallback();  // NULL: the host has none.

}  // namespace aiges::shim
