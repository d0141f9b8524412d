#include "loader/worker/callbacks.h"

#include <algorithm>
#include <cstring>

#include "loader/base/strings.h"
#include "loader/channel/wire.h"

namespace aiges {
namespace {

// Every thread's RunningCalls.
struct RunningTable {
  Mutex mu;
  std::vector<const RunningCalls*> places GUARDED_BY(mu);
};

RunningTable& GetRunningTable() {
  static RunningTable* const table = new RunningTable;  // As the outbox.
  return *table;
}

thread_local const RunningCalls* t_own = nullptr;

// Two threads may run calls of one tag: this thread's comes first.
bool StateOfRunning(const char* tag, int* state, int64_t* remaining_ms) {
  if (t_own != nullptr && t_own->State(tag, state, remaining_ms)) return true;
  RunningTable& table = GetRunningTable();
  MutexLock lock(table.mu);
  return std::any_of(table.places.begin(), table.places.end(), [&](const RunningCalls* place) {
    return place->State(tag, state, remaining_ms);
  });
}

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
  // Outside of a call the engine has no tag, and nobody to stop for.
  if (usr_tag != nullptr && *usr_tag != '\0' && !StateOfRunning(usr_tag, &state, &remaining)) {
    if (const auto target = GetCallbackTable().Find(usr_tag)) {
      state = target->State(&remaining);
    } else {  // Answered, given up, or destroyed.
      state = 1;
      remaining = 0;
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

RunningCalls::RunningCalls(const Host& host) : host_(host) {
  RunningTable& table = GetRunningTable();
  MutexLock lock(table.mu);
  table.places.push_back(this);
  t_own = this;
}

RunningCalls::~RunningCalls() {
  RunningTable& table = GetRunningTable();
  MutexLock lock(table.mu);
  table.places.erase(std::find(table.places.begin(), table.places.end(), this));
  t_own = nullptr;
}

bool RunningCalls::State(const char* tag, int* state, int64_t* remaining_ms) const {
  bool found = false;
  MutexLock lock(mu_);
  for (size_t i = 0; i < count_; ++i) {
    const RunningCall& call = calls_[i];
    if (std::strcmp(call.tag, tag) != 0) continue;
    const int64_t left_ns = call.deadline_ns - NowNs();
    const int over = left_ns <= 0 || host_.Cancelled(call.id) ? 1 : 0;
    const int64_t left_ms = std::max<int64_t>(left_ns / 1'000'000, 0);
    const bool longer = over < *state || (over == *state && left_ms > *remaining_ms);
    if (found && !longer) continue;
    *state = over;
    *remaining_ms = left_ms;
    found = true;
  }
  return found;
}

}  // namespace aiges
