#include "loader/worker/callbacks.h"

#include <algorithm>
#include <cstring>

#include "loader/base/strings.h"
#include "loader/channel/wire.h"

namespace aiges {
namespace {

thread_local const RunningCall* t_running = nullptr;

std::string_view OrEmpty(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

int OnMeter(const char* usr_tag, const char* key, int count) {
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kMeter, 0);
  w.Text(OrEmpty(usr_tag));
  w.Text(OrEmpty(key));
  w.Number(static_cast<int32_t>(count));
  w.End();
  GetOutbox().Write(frame);
  return 0;
}

int OnTrace(const char* usr_tag, const char* key, const char* value) {
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kTrace, 0);
  w.Text(OrEmpty(usr_tag));
  w.Text(OrEmpty(key));
  w.Text(OrEmpty(value));
  w.End();
  GetOutbox().Write(frame);
  return 0;
}

int OnTryResult(const void* usr_tag, pDataList results, int code) {
  const auto target = GetCallbackTable().Find(static_cast<const char*>(usr_tag));
  return target == nullptr ? -1 : target->Deliver(results, code, false);
}

int OnCallState(const char* usr_tag, long long* remaining_ms) {
  int64_t remaining = -1;
  int state = 0;
  if (usr_tag != nullptr) {
    if (t_running != nullptr && std::strcmp(t_running->tag(), usr_tag) == 0) {
      state = t_running->State(&remaining);
    } else if (const auto target = GetCallbackTable().Find(usr_tag)) {
      state = target->State(&remaining);
    }
  }
  if (remaining_ms != nullptr) *remaining_ms = remaining;
  return state;
}

}  // namespace

bool CallbackTable::Add(const std::string& tag, std::shared_ptr<CallbackTarget> target) {
  MutexLock lock(mu_);
  return targets_.emplace(tag, std::move(target)).second;
}

void CallbackTable::Remove(const std::string& tag) {
  std::shared_ptr<CallbackTarget> removed;  // Goes outside the lock.
  MutexLock lock(mu_);
  const auto found = targets_.find(tag);
  if (found == targets_.end()) return;
  removed = std::move(found->second);
  targets_.erase(found);
}

std::shared_ptr<CallbackTarget> CallbackTable::Find(const char* tag) const {
  if (tag == nullptr) return nullptr;
  MutexLock lock(mu_);
  const auto found = targets_.find(tag);
  return found == targets_.end() ? nullptr : found->second;
}

CallbackTable& GetCallbackTable() {
  static CallbackTable* const table = new CallbackTable;  // As the outbox.
  return *table;
}

int OnEngineResult(const void* usr_tag, pDataList results, int code) {
  const auto target = GetCallbackTable().Find(static_cast<const char*>(usr_tag));
  return target == nullptr ? -1 : target->Deliver(results, code, true);
}

void OfferHostFunctions(const Plugin& plugin) {
  if (plugin.set_ctrl == nullptr) return;
  plugin.set_ctrl(CTMeterCustom, reinterpret_cast<void*>(&OnMeter));
  plugin.set_ctrl(CTTraceLog, reinterpret_cast<void*>(&OnTrace));
  plugin.set_ctrl(CTCallState, reinterpret_cast<void*>(&OnCallState));
  plugin.set_ctrl(CTTryCallback, reinterpret_cast<void*>(&OnTryResult));
}

RunningCall::RunningCall(const Host& host, uint64_t id, const char* tag, int64_t deadline_ns)
    : host_(host), id_(id), tag_(tag), deadline_ns_(deadline_ns) {
  t_running = this;
}

RunningCall::~RunningCall() { t_running = nullptr; }

int RunningCall::State(int64_t* remaining_ms) const {
  const int64_t left_ns = deadline_ns_ - NowNs();
  *remaining_ms = std::max<int64_t>(left_ns / 1'000'000, 0);
  return left_ns <= 0 || host_.Cancelled(id_) ? 1 : 0;
}

}  // namespace aiges
