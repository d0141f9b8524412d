// SPDX-License-Identifier: Apache-2.0
// loader/worker/engine_calls.h: runs once calls: one by one, many as one, or begun and answered by
// callback.
//
// Thread-safe where [instances] threads threads run calls at once; each brings its own CallRoom.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "loader/base/mutex.h"
#include "loader/worker/callbacks.h"
#include "loader/worker/held.h"
#include "loader/worker/host.h"
#include "loader/worker/lists.h"

namespace aiges {

// One kExec frame that was read. The body is the caller's until Run returns.
struct ExecFrame {
  uint64_t id = 0;
  std::string_view body;
};

// Memory that one thread uses from call to call.
struct CallRoom {
  explicit CallRoom(const Host& host) : running(host) {}

  std::vector<std::unique_ptr<CallInput>> inputs;
  std::string out;   // Answers, not yet written.
  HeldAnswers held;  // Answers that may wait for more.
  RunningCalls running;

  CallInput* input(size_t i) {
    while (inputs.size() <= i) inputs.push_back(std::make_unique<CallInput>());
    return inputs[i].get();
  }
};

class EngineCalls {
 public:
  explicit EngineCalls(const Host& host) : host_(host) {}

  // Runs the calls; together if the engine batches and they are more than one. A call that names
  // resources runs alone: wrapperExecBatch has no place for psrIds. Answers go to room->out, those
  // of asynchronous calls, and those that others would hold back, to the outbox.
  void Run(const std::vector<ExecFrame>& frames, CallRoom* room);
  void RunOne(const ExecFrame& frame, CallRoom* room);
  // kCancel: an asynchronous call is answered now; its callback will be refused.
  void Cancel(uint64_t id);

 private:
  class AsyncCall;
  // The arguments of wrapperExecBatch, with whose calls they are.
  struct Batch {
    std::vector<RunningCall> calls;
    std::vector<const char*> tags;
    std::vector<pParamList> params;
    std::vector<pDataList> data;
  };

  // What the engine returned: results, or what `fault` went wrong with the code.
  void Answer(std::string* out, uint64_t id, Fault fault, int code, const CallCost& cost,
              pDataList results) const;
  // Reads the frame; false after a refusal was written instead.
  bool Prepare(const ExecFrame& frame, CallInput* input, std::string* out) const;
  void Begin(uint64_t id, CallInput* input, std::string* out);
  void RunEach(const std::vector<ExecFrame>& frames, CallRoom* room);
  void RunBatch(const std::vector<ExecFrame>& frames, CallRoom* room);
  void RunTogether(const Batch& batch, CallRoom* room);
  void Forget(uint64_t id);

  const Host& host_;
  Mutex mu_;
  std::unordered_map<uint64_t, std::shared_ptr<AsyncCall>> async_ GUARDED_BY(mu_);
};

}  // namespace aiges
