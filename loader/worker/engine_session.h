// loader/worker/engine_session.h: one session inside the worker: create, write*, results, destroy.
//
// Work comes as operations, put in by the thread that reads the channel and done one Step at a time
// by whichever thread the runner gives it to; never by two at once. Results leave as kItem frames,
// no more than the loader gave credit for.
//
// Modes. kRead: wrapperRead after every write (or after the last input), then until every output
// stream has ended. kCallback: the engine delivers from any thread, and waits there for credit.
// kOnce: an engine without sessions; its input is gathered and becomes one wrapperExec.
//
// An input or output stream (a payload key) ends with status END or ONCE; the session's input or
// output has ended when every stream seen so far has.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/worker/callbacks.h"
#include "loader/worker/host.h"
#include "loader/worker/lists.h"

namespace aiges {

// Which streams were seen, and which of them have ended.
class StreamEnds {
 public:
  void See(const DataList* head);
  bool AllEnded() const;

 private:
  std::vector<std::pair<std::string, bool>> streams_;
};

class EngineSession : public CallbackTarget,
                      public std::enable_shared_from_this<EngineSession> {
 public:
  enum class Next {
    kAgain,   // More can be done now.
    kLater,   // More in kReadPause.
    kRest,    // Nothing until Put says so.
    kGone,    // Destroyed.
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

 private:
  struct Operation {
    FrameType type;
    std::string body;
  };
  // One kWrite whose memory the engine may still look at.
  struct Input {
    std::string body;
    DataInput data;
  };

  void Create(const std::string& body, std::string* out);
  void Write(Operation operation, std::string* out);
  void Read(std::string* out);
  void ExecOnce(std::string* out);
  Next Close(std::string* out);
  void Fail(int32_t code, const std::string& text, std::string* out,
            std::string_view detail = {});
  void FailEngine(int32_t loader_code, int engine_code, std::string* out);
  bool MayRead() const;  // mu_ held.

  const Host& host_;
  const uint64_t id_;
  std::string tag_;

  // The runner's, one Step at a time.
  bool created_ = false;
  const void* handle_ = nullptr;
  StreamEnds input_;
  std::deque<Input> gathered_;  // kOnce.
  CallInput create_;
  std::string create_body_;
  int empty_reads_ = 0;
  bool pausing_ = false;        // Last read gave nothing.
  unsigned held_taken_ = 0;     // Writes that are reported with the end of the output.

  mutable std::mutex mu_;
  std::condition_variable room_;  // Credit came, or nobody wants results any more.
  std::deque<Operation> operations_;
  bool with_runner_ = false;
  bool closing_ = false;
  bool ended_ = false;       // No further item may be sent.
  bool want_read_ = false;
  bool input_ended_ = false;
  uint32_t credit_ = 0;
  StreamEnds output_;
};

}  // namespace aiges
