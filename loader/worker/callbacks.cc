// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/callbacks.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "loader/base/strings.h"
#include "loader/channel/wire.h"
#include "loader/worker/kept_input.h"
#include "loader/worker/model_calls.h"
#include "loader/worker/own_process.h"

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

// Keys and values of meters and traces. They may have no end.
constexpr size_t kMostNote = 4096;

std::string_view Note(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text, ::strnlen(text, kMostNote));
}

int OnMeter(const char* usr_tag, const char* key, int count) {
  if (InForkedChild()) return -1;
  const std::string tag(Note(usr_tag));
  const std::vector<uint64_t> callers = FindCallers(tag.empty() ? nullptr : tag.c_str());
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kMeter, callers.empty() ? 0 : callers.front());
  w.Text(tag);
  w.Text(Note(key));
  w.Number(static_cast<int32_t>(count));
  w.End();
  GetOutbox().Write(frame);
  return 0;
}

int OnMetrics(const char* families) {
  if (InForkedChild() || families == nullptr) return -1;
  const std::string_view text(families, ::strnlen(families, kMostMetrics + 1));
  if (text.size() > kMostMetrics) return -1;
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kMetrics, 0);
  w.Text(text);
  w.End();
  GetOutbox().Write(frame);
  return 0;
}

int OnTrace(const char* usr_tag, const char* key, const char* value) {
  if (InForkedChild()) return -1;
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kTrace, 0);
  w.Text(Note(usr_tag));
  w.Text(Note(key));
  w.Text(Note(value));
  w.End();
  GetOutbox().Write(frame);
  return 0;
}

int OnTryResult(const void* usr_tag, pDataList results, int code) {
  if (InForkedChild()) return -1;
  const auto target = GetCallbackTable().Find(static_cast<const char*>(usr_tag));
  return target == nullptr ? -1 : target->Deliver(results, code, false);
}

std::atomic<unsigned> g_alive_period_ms{0};
std::atomic<int64_t> g_end_ns{0};  // When the worker must be gone; 0: it is not to end.

int OnAlive() {
  const unsigned period = g_alive_period_ms;
  if (period == 0 || InForkedChild()) return 0;
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kAlive, 0);
  w.End();
  GetOutbox().Write(frame);
  return static_cast<int>(period);
}

int OnDoorTook(const char* usr_tag, unsigned long long bytes) {
  if (InForkedChild()) return -1;
  const auto target = GetCallbackTable().Find(usr_tag);
  return target == nullptr ? 0 : target->Took(bytes);
}

int OnKeepInput(const void* data, unsigned long long bytes, int what) {
  if (InForkedChild() || data == nullptr) return -1;
  KeptInput& kept = GetKeptInput();
  const std::string_view view(static_cast<const char*>(data), bytes);
  if (what == WKeepEnd) return kept.End(view), 0;
  if (!kept.CanKeep(view)) return -1;
  return what == WKeepAsk || (what == WKeepBegin && kept.Begin(view)) ? 0 : -1;
}

int OnCallState(const char* usr_tag, long long* remaining_ms) {
  int64_t remaining = -1;
  int state = 0;
  const bool of_process = usr_tag == nullptr || *usr_tag == '\0';
  if (of_process && g_end_ns != 0) {
    state = 1;
    remaining = std::max<int64_t>((g_end_ns - NowNs()) / 1'000'000, 0);
  }
  const bool of_call = !of_process && !InForkedChild();
  if (of_call && !StateOfRunning(usr_tag, &state, &remaining)) {
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
  if (InForkedChild()) return -1;
  const auto target = GetCallbackTable().Find(static_cast<const char*>(usr_tag));
  return target == nullptr ? -1 : target->Deliver(results, code, true);
}

std::vector<uint64_t> FindCallers(const char* tag) {
  std::vector<std::pair<int64_t, uint64_t>> found;
  if (t_own != nullptr) t_own->Collect(tag, &found);
  if (tag != nullptr && found.empty()) {
    if (const auto target = GetCallbackTable().Find(tag)) return {target->id()};
    RunningTable& table = GetRunningTable();
    MutexLock lock(table.mu);
    for (const RunningCalls* place : table.places) place->Collect(tag, &found);
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<uint64_t> ids;
  ids.reserve(found.size());
  for (const auto& [deadline, id] : found) ids.push_back(id);
  return ids;
}

void SetEnd(int64_t end_ns) { g_end_ns = end_ns; }

void OfferHostFunctions(const Plugin& plugin, unsigned alive_period_ms) {
  g_alive_period_ms = alive_period_ms;
  if (plugin.set_ctrl == nullptr) return;
  plugin.set_ctrl(CTMeterCustom, reinterpret_cast<void*>(&OnMeter));
  plugin.set_ctrl(CTMetrics, reinterpret_cast<void*>(&OnMetrics));
  plugin.set_ctrl(CTTraceLog, reinterpret_cast<void*>(&OnTrace));
  plugin.set_ctrl(CTCallState, reinterpret_cast<void*>(&OnCallState));
  plugin.set_ctrl(CTTryCallback, reinterpret_cast<void*>(&OnTryResult));
  plugin.set_ctrl(CTAlive, reinterpret_cast<void*>(&OnAlive));
  plugin.set_ctrl(CTDoorTook, reinterpret_cast<void*>(&OnDoorTook));
  plugin.set_ctrl(CTKeepInput, reinterpret_cast<void*>(&OnKeepInput));
  OfferModelCalls(plugin);
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

void RunningCalls::Collect(const char* tag,
                           std::vector<std::pair<int64_t, uint64_t>>* found) const {
  MutexLock lock(mu_);
  for (size_t i = 0; i < count_; ++i) {
    if (tag != nullptr && std::strcmp(calls_[i].tag, tag) != 0) continue;
    // One that nobody waits for any more speaks for nobody.
    const bool over = host_.Cancelled(calls_[i].id);
    found->emplace_back(over ? INT64_MIN : calls_[i].deadline_ns, calls_[i].id);
  }
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
