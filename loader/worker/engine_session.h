// SPDX-License-Identifier: Apache-2.0
// loader/worker/engine_session.h: one session inside the worker: create, write*, results, destroy.
//
// Work comes as operations, put in by the thread that reads the channel and done one Step at a time
// by whichever thread the runner gives it to; never by two at once. Results leave as kItem frames,
// no more than the loader gave credit for.
//
// How an engine answers (EngineMode). By wrapperRead, after every write (or after the last input),
// then until every output stream has ended. By callback: it delivers from any thread, and waits
// there for credit. By either: with its first callback the session becomes one that is not read any
// more. An engine without sessions: its input is gathered and becomes one wrapperExec.
//
// An input or output stream (a payload key) ends with status END or ONCE; the session's input or
// output has ended when every stream seen so far has.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/base/mutex.h"
#include "loader/worker/callbacks.h"
#include "loader/worker/host.h"
#include "loader/worker/lists.h"

namespace aiges {

// Which streams were seen, and which of them have ended.
class StreamEnds {
 public:
  // False: they are too many.
  bool See(const DataList* head);
  bool AllEnded() const { return !ended_.empty() && open_ == 0; }

 private:
  std::map<std::string, bool, std::less<>> ended_;  // By key.
  size_t open_ = 0;
};

class EngineSession : public CallbackTarget, public std::enable_shared_from_this<EngineSession> {
 public:
  enum class Next {
    kAgain,  // More can be done now.
    kLater,  // More in kReadPause.
    kRest,   // Nothing until Put says so.
    kGone,   // Destroyed.
  };
  static constexpr std::chrono::milliseconds kReadPause{50};

  EngineSession(const Host& host, uint64_t id) : host_(host), id_(id) {}

  // --- the thread that reads the channel ---
  // Each returns true when the session must be given to Step now.
  bool Put(FrameType type, std::string_view body);

  // --- runner ---
  // Does one thing. Frames go to *out.
  Next Step(std::string* out);

  // --- any thread ---
  int Deliver(pDataList results, int code, bool may_wait) override;
  int State(int64_t* remaining_ms) const override;
  uint64_t id() const override { return id_; }

 private:
  struct Operation {
    FrameType type;
    std::string body;
  };
  // One kWrite whose memory the engine may still look at.
  struct Input {
    std::string body;
    std::vector<std::string> own;  // Data that outlive the write.
    DataInput data;

    size_t OwnData();  // Copies what lies in shared memory. Out: bytes.
  };

  void Create(const std::string& body, std::string* out);
  void Write(Operation operation, std::string* out);
  void Gather(Input* input, bool input_ended, std::string* out);
  void Read(std::string* out);
  bool ReadNothing(const DataList* head, std::string* out) REQUIRES(mu_);
  void ExecOnce(std::string* out);
  Next Close(std::string* out);
  void Fail(const Failure& failure, std::string* out);
  void WriteOutput(const DataList* head, bool last, Fault fault, std::string* out) REQUIRES(mu_);
  bool MayRead() const REQUIRES(mu_) { return Reading() && credit_ > 0; }
  bool Reading() const REQUIRES(mu_) { return want_read_ && !by_callback_ && !ended_; }

  const Host& host_;
  const uint64_t id_;
  std::string tag_;

  // The runner's, one Step at a time.
  bool created_ = false;
  const void* handle_ = nullptr;
  StreamEnds input_;
  std::deque<Input> gathered_;  // Of an engine without sessions.
  size_t gathered_bytes_ = 0;
  CallInput create_;
  std::string create_body_;
  int empty_reads_ = 0;
  bool silent_ = false;   // The last item had no data.
  bool pausing_ = false;  // Last read gave nothing.

  mutable Mutex mu_;
  CondVar room_;  // Credit came, or nobody wants results any more.
  std::deque<Operation> operations_ GUARDED_BY(mu_);
  bool with_runner_ GUARDED_BY(mu_) = false;
  bool closing_ GUARDED_BY(mu_) = false;
  bool ended_ GUARDED_BY(mu_) = false;  // No further item may be sent.
  bool want_read_ GUARDED_BY(mu_) = false;
  bool by_callback_ GUARDED_BY(mu_) =
      false;  // A callback came: wrapperRead is not called any more.
  bool input_ended_ GUARDED_BY(mu_) = false;
  unsigned held_taken_ GUARDED_BY(mu_) = 0;  // Writes reported with the end of the output.
  uint32_t credit_ GUARDED_BY(mu_) = 0;
  StreamEnds output_ GUARDED_BY(mu_);
};

}  // namespace aiges
