// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/door_calls.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "loader/channel/wire.h"
#include "loader/worker/callbacks.h"

namespace aiges {

class DoorCalls::Call : public CallbackTarget {
 public:
  Call(DoorCalls* calls, uint64_t id, const CallInput& input)
      : calls_(*calls), id_(id), tag_(input.usr_tag), deadline_ns_(input.deadline_ns) {}

  const std::string& tag() const { return tag_; }

  int Deliver(pDataList part, int code, bool may_wait) override {
    if (code != 0) return End(calls_.host_.plugin->Error(Fault::kExec, code));
    if (part == nullptr || part->key == nullptr || part->next != nullptr) {
      return End({Fault::kMalformed, "the engine: expected one node in each part of an answer"});
    }
    if (part->status == DataEnd || part->status == DataOnce) return EndWith(part);
    std::string frame;
    MutexLock lock(mu_);
    while (room_ <= 0 && may_wait && !gone_ && !ended_) changed_.Wait(mu_);
    if (gone_ || ended_) return -1;
    if (room_ <= 0) {
      wants_room_ = true;
      return 1;
    }
    room_ -= static_cast<int64_t>(part->len);
    const std::string wrong = WriteDoorPart(&frame, id_, part, calls_.host_.results.get());
    if (!wrong.empty()) {
      std::fprintf(stderr, "aiges-worker: %s\n", wrong.c_str());
      return -1;
    }
    // Under the lock: parts leave in the order in which they were given.
    GetOutbox().Write(frame);
    return 0;
  }

  int State(int64_t* remaining_ms) const override {
    MutexLock lock(mu_);
    const int64_t left_ns = deadline_ns_ - NowNs();
    *remaining_ms = deadline_ns_ == INT64_MAX ? -1 : std::max<int64_t>(left_ns / 1'000'000, 0);
    return gone_ || left_ns <= 0 ? 1 : 0;
  }

  uint64_t id() const override { return id_; }

  int Took(uint64_t bytes) override {
    std::string frame;
    WireWriter w(&frame);
    w.Begin(FrameType::kDoorTook, id_);
    w.Number(bytes);
    w.End();
    GetOutbox().Write(frame);
    return 0;
  }

  // What the host says. True: the engine is to be told.
  bool AddRoom(uint64_t bytes) {
    MutexLock lock(mu_);
    room_ += static_cast<int64_t>(bytes);
    if (room_ <= 0) return false;
    changed_.NotifyAll();
    return std::exchange(wants_room_, false);
  }
  bool Leave() {
    MutexLock lock(mu_);
    changed_.NotifyAll();
    return !std::exchange(gone_, true) && !ended_;
  }

  // 0 once: for whoever ends it.
  int End(const Failure& failure) {
    if (!Take()) return -1;
    std::string frame;
    WriteFailure(&frame, id_, {Elapsed()}, gone() ? Failure{Fault::kExpired, ""} : failure);
    GetOutbox().Write(frame);
    return 0;
  }

 private:
  int EndWith(pDataList part) {
    if (!Take()) return -1;
    std::string frame;
    if (gone()) {
      WriteFailure(&frame, id_, {Elapsed()}, {Fault::kExpired, ""});
    } else {
      const std::string wrong =
          WriteResult(&frame, id_, {Elapsed()}, part, calls_.host_.results.get());
      if (!wrong.empty()) std::fprintf(stderr, "aiges-worker: %s\n", wrong.c_str());
    }
    GetOutbox().Write(frame);
    return 0;
  }

  bool Take() {
    {
      MutexLock lock(mu_);
      if (std::exchange(ended_, true)) return false;
      changed_.NotifyAll();
    }
    GetCallbackTable().Remove(tag_);
    calls_.Forget(id_);
    return true;
  }
  bool gone() const {
    MutexLock lock(mu_);
    return gone_;
  }
  uint64_t Elapsed() const { return static_cast<uint64_t>(NowNs() - start_ns_); }

  DoorCalls& calls_;
  const uint64_t id_;
  const std::string tag_;
  const int64_t deadline_ns_;
  const int64_t start_ns_ = NowNs();

  mutable Mutex mu_;
  CondVar changed_;
  int64_t room_ GUARDED_BY(mu_) = kDoorWindowBytes;
  bool wants_room_ GUARDED_BY(mu_) = false;
  bool gone_ GUARDED_BY(mu_) = false, ended_ GUARDED_BY(mu_) = false;
};

void DoorCalls::Begin(const Frame& frame) {
  const auto refuse = [&frame](Fault fault, std::string text) {
    std::string out;
    WriteFailure(&out, frame.id, {0, 0}, {fault, std::move(text)});
    GetOutbox().Write(out);
  };
  if (!begin_.ParseExec(frame.body, *host_.requests)) {
    return refuse(Fault::kMalformed, "the worker could not read the call");
  }
  if (begin_.deadline_ns <= NowNs() || host_.Cancelled(frame.id)) {
    return refuse(Fault::kExpired, "");
  }
  const Plugin& plugin = *host_.plugin;
  if (!host_.mode.doors) return refuse(Fault::kMalformed, "the engine has no doors any more");
  const auto call = std::make_shared<Call>(this, frame.id, begin_);
  if (!GetCallbackTable().Add(call->tag(), call)) {
    return refuse(Fault::kRepeated, StrCat("session repeat: a call or session with the handle ",
                                           call->tag(), " is in work"));
  }
  {
    MutexLock lock(mu_);
    calls_[frame.id] = call;
  }
  const int code = plugin.door_call(call->tag().c_str(), begin_.data.head(), &OnEngineResult);
  if (code != 0) call->End(plugin.Error(Fault::kExec, code));
}

bool DoorCalls::On(const Frame& frame) {
  const std::shared_ptr<Call> call = Find(frame.id);
  if (call == nullptr) return false;
  const Plugin& plugin = *host_.plugin;
  const char* const tag = call->tag().c_str();
  WireReader r(frame.body);
  if (frame.type == FrameType::kDoorIn) {
    if (part_.Read(&r, *host_.requests)) plugin.door_event(tag, WDoorPart, part_.head());
  } else if (frame.type == FrameType::kDoorTook) {
    if (call->AddRoom(r.Number<uint64_t>())) plugin.door_event(tag, WDoorRoom, nullptr);
  } else if (call->Leave()) {
    plugin.door_event(tag, WDoorGone, nullptr);
  }
  return true;
}

std::shared_ptr<DoorCalls::Call> DoorCalls::Find(uint64_t id) const {
  MutexLock lock(mu_);
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : found->second;
}

void DoorCalls::Forget(uint64_t id) {
  std::shared_ptr<Call> forgotten;  // Goes outside the lock.
  MutexLock lock(mu_);
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  forgotten = std::move(found->second);
  calls_.erase(found);
}

}  // namespace aiges
