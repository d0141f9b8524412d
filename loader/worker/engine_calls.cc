// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/engine_calls.h"

#include <algorithm>
#include <atomic>
#include <cstdio>

namespace aiges {
namespace {

void Complain(const std::string& wrong) {
  if (!wrong.empty()) std::fprintf(stderr, "aiges-worker: %s\n", wrong.c_str());
}

}  // namespace

// A call that the engine answers by callback: with the first one, later ones are refused.
class EngineCalls::AsyncCall : public CallbackTarget {
 public:
  AsyncCall(EngineCalls* calls, uint64_t id, const CallInput& input)
      : calls_(*calls), id_(id), tag_(input.usr_tag), deadline_ns_(input.deadline_ns) {}

  int Deliver(pDataList results, int code, bool) override {
    if (!Take()) return -1;
    std::string frame;
    calls_.Answer(&frame, id_, calls_.host_.mode.async_fault, code, {Elapsed()}, results);
    GetOutbox().Write(frame);
    return 0;
  }

  int State(int64_t* remaining_ms) const override {
    const int64_t left_ns = deadline_ns_ - NowNs();
    *remaining_ms = std::max<int64_t>(left_ns / 1'000'000, 0);
    return left_ns <= 0 || calls_.host_.Cancelled(id_) ? 1 : 0;
  }

  uint64_t id() const override { return id_; }

  // True once: for whoever may answer.
  bool Take() {
    if (answered_.exchange(true)) return false;
    GetCallbackTable().Remove(tag_);
    calls_.Forget(id_);
    return true;
  }
  uint64_t Elapsed() const { return static_cast<uint64_t>(NowNs() - start_ns_); }
  const std::string& tag() const { return tag_; }

 private:
  EngineCalls& calls_;
  const uint64_t id_;
  const std::string tag_;  // The engine may keep a pointer to it until it is answered.
  const int64_t deadline_ns_;
  const int64_t start_ns_ = NowNs();
  std::atomic<bool> answered_{false};
};

void EngineCalls::Answer(std::string* out, uint64_t id, Fault fault, int code, const CallCost& cost,
                         pDataList results) const {
  if (code != 0) return WriteFailure(out, id, cost, host_.plugin->Error(fault, code));
  Complain(WriteResult(out, id, cost, results, host_.results.get()));
}

bool EngineCalls::Prepare(const ExecFrame& frame, CallInput* input, std::string* out) const {
  if (!input->ParseExec(frame.body, *host_.requests)) {
    WriteFailure(out, frame.id, {0, 0}, {Fault::kMalformed, "the worker could not read the call"});
    return false;
  }
  if (input->deadline_ns <= NowNs() || host_.Cancelled(frame.id)) {
    WriteFailure(out, frame.id, {0, 0}, {Fault::kExpired, ""});
    return false;
  }
  return true;
}

void EngineCalls::RunOne(const ExecFrame& frame, CallRoom* room) {
  CallInput* input = room->input(0);
  if (!Prepare(frame, input, &room->out)) return;
  if (host_.mode.async_once) return Begin(frame.id, input, &room->out);
  const Plugin& plugin = *host_.plugin;
  const char* tag = input->usr_tag.data();
  pDataList head = nullptr;
  const int64_t start = NowNs();
  const RunningCall running{frame.id, tag, input->deadline_ns};
  const RunningScope scope(&room->running, &running, 1);
  const int code = plugin.exec(tag, input->params.head(), input->data.head(), &head,
                               input->psr_head(), input->psr_count());
  Answer(&room->out, frame.id, Fault::kExec, code, {static_cast<uint64_t>(NowNs() - start)}, head);
  if (code == 0 && plugin.exec_free != nullptr) plugin.exec_free(tag, &head);
}

void EngineCalls::Begin(uint64_t id, CallInput* input, std::string* out) {
  const auto call = std::make_shared<AsyncCall>(this, id, *input);
  if (!GetCallbackTable().Add(call->tag(), call)) {
    WriteFailure(out, id, {0, 0},
                 {Fault::kRepeated, StrCat("session repeat: a call or session with the handle ",
                                           call->tag(), " is in work")});
    return;
  }
  {
    MutexLock lock(mu_);
    async_[id] = call;
  }
  const int64_t left_ms =
      std::clamp<int64_t>((input->deadline_ns - NowNs()) / 1'000'000, 1, 86'400'000);
  const int code = host_.plugin->exec_async(
      call->tag().c_str(), input->params.head(), input->data.head(), &OnEngineResult,
      static_cast<int>(left_ms), input->psr_head(), input->psr_count());
  if (code == 0 || !call->Take()) return;
  Answer(out, id, Fault::kExec, code, {call->Elapsed()}, nullptr);
}

void EngineCalls::Cancel(uint64_t id) {
  std::shared_ptr<AsyncCall> call;
  {
    MutexLock lock(mu_);
    const auto found = async_.find(id);
    if (found == async_.end()) return;
    call = found->second;
  }
  if (!call->Take()) return;
  std::string frame;
  WriteFailure(&frame, id, {0, 0}, {Fault::kExpired, ""});
  GetOutbox().Write(frame);
}

void EngineCalls::Forget(uint64_t id) {
  std::shared_ptr<AsyncCall> forgotten;
  MutexLock lock(mu_);
  const auto found = async_.find(id);
  if (found == async_.end()) return;
  forgotten = std::move(found->second);
  async_.erase(found);
}

void EngineCalls::Run(const std::vector<ExecFrame>& frames, CallRoom* room) {
  if (frames.size() > 1 && host_.mode.batch) return RunBatch(frames, room);
  RunEach(frames, room);
}

void EngineCalls::RunEach(const std::vector<ExecFrame>& frames, CallRoom* room) {
  for (const ExecFrame& frame : frames) {
    GetOutbox().Write(room->out);  // What is answered does not wait for the next one.
    room->out.clear();
    RunOne(frame, room);
  }
}

void EngineCalls::RunBatch(const std::vector<ExecFrame>& frames, CallRoom* room) {
  std::vector<ExecFrame> alone;
  Batch batch;
  for (const ExecFrame& frame : frames) {
    CallInput* input = room->input(batch.calls.size());
    if (!Prepare(frame, input, &room->out)) continue;
    if (input->psr_count() > 0) {
      alone.push_back(frame);
      continue;
    }
    batch.calls.push_back({frame.id, input->usr_tag.data(), input->deadline_ns});
    batch.tags.push_back(input->usr_tag.data());
    batch.params.push_back(input->params.head());
    batch.data.push_back(input->data.head());
  }
  if (!batch.calls.empty()) RunTogether(batch, room);
  RunEach(alone, room);
}

void EngineCalls::RunTogether(const Batch& batch, CallRoom* room) {
  const Plugin& plugin = *host_.plugin;
  const size_t count = batch.calls.size();
  std::vector<pDataList> heads(count, nullptr);
  std::vector<int> codes(count, 0);
  const int64_t start = NowNs();
  const RunningScope scope(&room->running, batch.calls.data(), count);
  const int all =
      plugin.exec_batch(static_cast<unsigned>(count), batch.tags.data(), batch.params.data(),
                        batch.data.data(), heads.data(), codes.data());
  const auto engine_ns = static_cast<uint64_t>(NowNs() - start);
  for (size_t i = 0; i < count; ++i) {
    const int code = all != 0 ? all : codes[i];
    const auto size = static_cast<uint32_t>(i == 0 ? count : 0);
    Answer(&room->out, batch.calls[i].id, Fault::kExec, code, {engine_ns, size}, heads[i]);
    if (code == 0 && plugin.exec_free != nullptr) plugin.exec_free(batch.tags[i], &heads[i]);
  }
}

}  // namespace aiges
