// SPDX-License-Identifier: Apache-2.0
#include "wrapper/call_context.h"

#include <atomic>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace aiges::shim {
namespace {

// Of a host that does not say how long the end may take.
constexpr double kEndWithin = 5;

std::atomic<wrapperCallState> g_call_state{nullptr};

struct Notes {
  std::mutex mu;
  std::unordered_multimap<std::string, Noted> by_tag;  // Tags may be in use twice.
};
Notes& GetNotes() {
  static Notes* const notes = new Notes;  // Threads of user code may outlive statics.
  return *notes;
}

std::atomic<int> g_traces{0};  // Notes with one.

thread_local std::string t_tag;

}  // namespace

TagScope::TagScope(const char* tag) { t_tag = tag; }
TagScope::~TagScope() { t_tag.clear(); }

void SetThreadTag(const std::string& tag) { t_tag = tag; }
const std::string& ThreadTag() { return t_tag; }

CallNote::CallNote(const std::string& tag, const ParamList* params) {
  Noted noted;
  bool some = false;
  for (const ParamList* p = params; p != nullptr; p = p->next) {
    if (p->key == nullptr || p->value == nullptr) continue;
    const auto take = [&](const char* key, std::string* out) {
      if (std::strcmp(p->key, key) != 0) return;
      *out = p->value;
      some = true;
    };
    take(kCallerParam, &noted.caller);
    take(kTraceParam, &noted.trace_parent);
    take(kTraceStateParam, &noted.trace_state);
  }
  if (!some) return;
  tag_ = tag;
  if (!noted.trace_parent.empty()) ++g_traces;
  Notes& notes = GetNotes();
  const std::lock_guard lock(notes.mu);
  notes.by_tag.emplace(tag, std::move(noted));
}

CallNote::~CallNote() {
  if (tag_.empty()) return;
  Notes& notes = GetNotes();
  const std::lock_guard lock(notes.mu);
  const auto found = notes.by_tag.find(tag_);
  if (found == notes.by_tag.end()) return;
  if (!found->second.trace_parent.empty()) --g_traces;
  notes.by_tag.erase(found);
}

bool AnyTraces() { return g_traces.load(std::memory_order_relaxed) > 0; }

Noted NotedOf(const std::string& tag) {
  Notes& notes = GetNotes();
  const std::lock_guard lock(notes.mu);
  const auto found = notes.by_tag.find(tag);
  return found == notes.by_tag.end() ? Noted() : found->second;
}

void SetCallState(wrapperCallState function) { g_call_state = function; }

CallState AskCallState(const std::string& tag) {
  const wrapperCallState ask = g_call_state.load();
  CallState state;
  if (ask != nullptr) state.over = ask(tag.c_str(), &state.left_ms) != 0;
  return state;
}

double SecondsLeft() {
  const long long left_ms = AskCallState("").left_ms;
  return left_ms < 0 ? kEndWithin : static_cast<double>(left_ms) / 1000;
}

}  // namespace aiges::shim
