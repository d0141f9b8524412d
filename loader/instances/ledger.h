// SPDX-License-Identifier: Apache-2.0
// loader/instances/ledger.h: what lies in one worker process, and since when nothing of it has
// moved.
//
// Overview. The watchdog ends a worker that has work and makes no progress. Work is a once call
// that was sent, an operation of a session (create, write, close) that may run because the client
// has room for its output, and a resource on its way in or out. The clock starts when the first
// piece of work meets an idle worker, starts again with every sign of progress, and stands still
// without work: a quiet worker is not a hung one. A call that ends because its time was up says
// nothing about the engine, so it is no progress.
//
// A door call (channel/frame.h: kDoor) may last for hours, and is not watched.
//
// While it waits for a call of another model, the clock stands still: that one is watched where it
// runs, and has a deadline.
//
// An engine with an event loop says by itself that the loop turns (kAlive, channel/frame.h): from
// the first such word on its silence counts, and asynchronous once calls do not.
//
// Value without a lock or a clock of its own; the caller synchronises and says what time it is.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "loader/api/worker.h"
#include "loader/base/clock.h"

namespace aiges {

class Ledger {
 public:
  // `first_byte`: of its frame, in the stream of bytes to this process.
  // `watched`: while it lies here without progress, the engine is stuck.
  void AddCall(uint64_t call, uint64_t first_byte, TimePoint now, bool watched = true) {
    Change(now, [&] {
      calls_[call] = {first_byte, watched};
      watched_ += watched ? 1 : 0;
    });
  }
  // False: it does not lie here. `progress`: the engine has worked on it.
  bool EndCall(uint64_t call, bool progress, TimePoint now) {
    const auto found = calls_.find(call);
    const bool known = found != calls_.end();
    if (known) {
      Change(now, [&] {
        watched_ -= found->second.watched ? 1 : 0;
        calls_.erase(found);
      });
    }
    if (known && progress) since_ = now;
    return known;
  }
  bool HasCall(uint64_t call) const { return calls_.count(call) > 0; }
  bool HasSession(uint64_t session) const { return sessions_.count(session) > 0; }

  // Loads and unloads are answered one by one.
  void AddLoad(TimePoint now) {
    Change(now, [&] { ++loads_; });
  }
  void EndLoad(TimePoint now) {
    Change(now, [&] { loads_ -= std::min(loads_, 1u); });
    since_ = now;
  }

  // Calls of other models. False: it is open already; it is not open.
  bool AddNested(uint64_t call, TimePoint now) {
    bool added = false;
    Change(now, [&] { added = nested_.insert(call).second; });
    return added;
  }
  bool EndNested(uint64_t call, TimePoint now) {
    bool ended = false;
    Change(now, [&] { ended = nested_.erase(call) > 0; });
    return ended;
  }
  bool HasNested(uint64_t call) const { return nested_.count(call) > 0; }
  size_t nested() const { return nested_.size(); }

  void AddSession(uint64_t session, unsigned credit, TimePoint now) {
    Change(now, [&] { Set(&sessions_[session], {1, credit}); });
  }
  // These are false where the session does not lie here.
  bool Write(uint64_t session, TimePoint now) {
    return Update(session, now, [](Work* work) { ++work->operations; });
  }
  bool Credit(uint64_t session, unsigned items, TimePoint now) {
    return Update(session, now, [items](Work* work) { work->credit += items; });
  }
  // Its end waits for no client: it may run whatever the credit is.
  bool Close(uint64_t session, TimePoint now) {
    return Update(session, now, [](Work* work) { *work = {1, 1}; });
  }
  // What the worker says of a session. False: the session does not lie here.
  bool On(const SessionEvent& event, TimePoint now) {
    using Kind = SessionEvent::Kind;
    bool known = true;
    if (event.kind == Kind::kClosed) {
      Change(now, [&] { known = Erase(event.session); });
    } else {
      known = Update(event.session, now, [&event](Work* work) {
        if (event.kind == Kind::kItem) work->credit -= std::min(work->credit, 1u);
        if (event.kind == Kind::kTaken) {
          work->operations -= std::min(work->operations, std::max(event.writes, 1u));
        }
      });
    }
    if (known) since_ = now;
    return known;
  }

  // Its event loop has turned. `answers_calls`: once calls run in it.
  void Alive(bool answers_calls, TimePoint now) {
    Change(now, [&] { calls_in_loop_ = answers_calls; });
    loop_ = now;
  }
  bool has_loop() const { return loop_ != TimePoint(); }

  // How long there has been work without progress, or a loop without a word.
  Duration WithoutProgress(TimePoint now) const {
    const Duration stuck = busy() ? now - since_ : Duration::zero();
    return has_loop() ? std::max(stuck, now - loop_) : stuck;
  }
  // The silence before it served does not count.
  void StartToServe(TimePoint now) {
    since_ = now;
    if (has_loop()) loop_ = now;
  }
  bool busy() const {
    return nested_.empty() &&
           ((!calls_in_loop_ && watched_ > 0) || busy_sessions_ > 0 || loads_ > 0);
  }

  struct Contents {
    std::vector<uint64_t> sessions;
    std::vector<uint64_t> unsent;  // Calls of which no byte had been sent.
    std::vector<uint64_t> calls;   // The others.
  };
  // Empties it. `sent`: bytes that have been sent.
  Contents Take(uint64_t sent) {
    Contents all;
    for (const auto& [session, work] : sessions_) all.sessions.push_back(session);
    for (const auto& [call, how] : calls_) {
      (how.first_byte >= sent ? all.unsent : all.calls).push_back(call);
    }
    *this = Ledger();
    return all;
  }

 private:
  struct Call {
    uint64_t first_byte;
    bool watched;
  };
  struct Work {
    unsigned operations = 0;  // Create, writes and close without a sign that they are done.
    unsigned credit = 0;      // Items that may still come: at 0 the worker may have to wait.
    bool busy() const { return operations > 0 && credit > 0; }
  };

  template <class F>
  void Change(TimePoint now, const F& change) {
    const bool idle = !busy();
    change();
    if (idle && busy()) since_ = now;
  }
  void Set(Work* work, Work value) {
    busy_sessions_ -= work->busy() ? 1 : 0;
    *work = value;
    busy_sessions_ += work->busy() ? 1 : 0;
  }
  template <class F>
  bool Update(uint64_t session, TimePoint now, const F& update) {
    const auto found = sessions_.find(session);
    if (found == sessions_.end()) return false;
    Work value = found->second;
    update(&value);
    Change(now, [&] { Set(&found->second, value); });
    return true;
  }
  bool Erase(uint64_t session) {
    const auto found = sessions_.find(session);
    if (found == sessions_.end()) return false;
    Set(&found->second, {});
    sessions_.erase(found);
    return true;
  }

  std::unordered_map<uint64_t, Call> calls_;
  size_t watched_ = 0;  // Of calls_.
  std::unordered_set<uint64_t> nested_;
  std::unordered_map<uint64_t, Work> sessions_;
  unsigned busy_sessions_ = 0, loads_ = 0;
  bool calls_in_loop_ = false;
  TimePoint since_{};  // Of the last progress, or of the work after a quiet time.
  TimePoint loop_{};   // The loop's last word; none: there is no such loop.
};

}  // namespace aiges
