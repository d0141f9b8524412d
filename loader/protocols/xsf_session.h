// SPDX-License-Identifier: Apache-2.0
// loader/protocols/xsf_session.h: what the XSF front remembers of each session between its calls.
//
// An XSF session is many unary calls with one handle. The session itself is the scheduler's; here
// is what its answers need: which outputs the client expects, how they are numbered, and output
// that was polled for a call whose client was gone by then.
// Thread-safe table; a state belongs to whoever holds its lock.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "loader/api/session.h"
#include "loader/base/keyed_hash.h"
#include "loader/base/mutex.h"
#include "loader/protocols/once.h"

namespace aiges {

struct XsfSession {
  XsfSession(SessionId session, std::string service, std::vector<Expected> expect)
      : id(session), service_id(std::move(service)), output(std::move(expect)) {}

  const SessionId id;
  const std::string service_id;
  Mutex mu;
  StreamOutput output GUARDED_BY(mu);
  std::deque<SessionOutput> kept GUARDED_BY(mu);  // For the next call.
};

class XsfSessionTable {
 public:
  void Add(const std::string& handle, std::shared_ptr<XsfSession> session) {
    MutexLock lock(mu_);
    sessions_[handle] = std::move(session);
  }
  std::shared_ptr<XsfSession> Find(const std::string& handle) const {
    MutexLock lock(mu_);
    const auto found = sessions_.find(handle);
    return found == sessions_.end() ? nullptr : found->second;
  }
  // Only if it is still that session: the handle may have a new one.
  void Remove(const std::string& handle, SessionId id) {
    MutexLock lock(mu_);
    const auto found = sessions_.find(handle);
    if (found != sessions_.end() && found->second->id == id) sessions_.erase(found);
  }
  // Forgets sessions that ended without a call of theirs (idle, drained), with what was kept for a
  // client that never came back.
  template <class Lives>
  void Sweep(Lives lives) {
    std::vector<std::pair<std::string, SessionId>> all;
    {
      MutexLock lock(mu_);
      if (sessions_.size() < 2 * swept_ + 64) return;
      for (const auto& [handle, session] : sessions_) all.emplace_back(handle, session->id);
    }
    for (const auto& [handle, id] : all) {
      if (!lives(handle)) Remove(handle, id);
    }
    MutexLock lock(mu_);
    swept_ = sessions_.size();
  }

 private:
  mutable Mutex mu_;
  std::unordered_map<std::string, std::shared_ptr<XsfSession>, KeyedHash> sessions_ GUARDED_BY(mu_);
  size_t swept_ GUARDED_BY(mu_) = 0;  // How many were left then.
};

}  // namespace aiges
