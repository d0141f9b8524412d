// SPDX-License-Identifier: Apache-2.0
#include "wrapper/call_context.h"

#include <atomic>
#include <cstring>
#include <mutex>
#include <unordered_map>

namespace aiges::shim {
namespace {

// Of a host that does not say how long the end may take.
constexpr double kEndWithin = 5;

std::atomic<wrapperCallState> g_call_state{nullptr};

struct Callers {
  std::mutex mu;
  std::unordered_multimap<std::string, std::string> by_tag;  // Tags may be in use twice.
};
Callers& GetCallers() {
  static Callers* const callers = new Callers;  // Threads of user code may outlive statics.
  return *callers;
}

thread_local std::string t_tag;

}  // namespace

TagScope::TagScope(const char* tag) { t_tag = tag; }
TagScope::~TagScope() { t_tag.clear(); }

void SetThreadTag(const std::string& tag) { t_tag = tag; }
const std::string& ThreadTag() { return t_tag; }

CallerNote::CallerNote(const std::string& tag, const ParamList* params) {
  for (const ParamList* p = params; p != nullptr; p = p->next) {
    if (p->key == nullptr || p->value == nullptr || std::strcmp(p->key, kCallerParam) != 0)
      continue;
    tag_ = tag;
    Callers& callers = GetCallers();
    const std::lock_guard lock(callers.mu);
    callers.by_tag.emplace(tag, p->value);
    return;
  }
}

CallerNote::~CallerNote() {
  if (tag_.empty()) return;
  Callers& callers = GetCallers();
  const std::lock_guard lock(callers.mu);
  const auto found = callers.by_tag.find(tag_);
  if (found != callers.by_tag.end()) callers.by_tag.erase(found);
}

std::string CallerOf(const std::string& tag) {
  Callers& callers = GetCallers();
  const std::lock_guard lock(callers.mu);
  const auto found = callers.by_tag.find(tag);
  return found == callers.by_tag.end() ? std::string() : found->second;
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
