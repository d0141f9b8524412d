// SPDX-License-Identifier: Apache-2.0
#include "wrapper/session.h"

#include <pybind11/pybind11.h>

#include <atomic>
#include <utility>

namespace aiges::shim {
namespace {

namespace py = pybind11;

std::atomic<wrapperCallback> g_try_callback{nullptr};

}  // namespace

void SetTryCallback(wrapperCallback function) { g_try_callback = function; }
wrapperCallback TryCallback() { return g_try_callback.load(); }

Session::Session(const SessionStart& start, Kind kind)
    : contract_(start.contract),
      kind_(kind),
      tag_(start.tag),
      caller_(tag_, start.params),
      callback_(start.callback),
      psr_ids_(start.psr_ids, start.psr_ids + start.psr_count) {}

Session::~Session() { ResultList::Free(pending_); }

bool Session::ReadParams(const ParamList* params) {
  params_ = ParamsToDict(params);
  const Ref name = TextToStr(tag_.c_str());
  if (!params_ || !name) return false;
  py_sid_ = Ref::Borrow(SidOf(params_.get(), name));
  std::string wrong;
  ToText(py_sid_.get(), &sid_, &wrong);
  return true;
}

void Session::DropReferences() {
  params_ = Ref();
  py_sid_ = Ref();
}

int Session::HandHead(pDataList head, int code, bool may_wait) {
  const wrapperCallback now = TryCallback();
  int taken = kNoRoom;  // Also of a host that can only wait.
  if (may_wait || now != nullptr) {
    const py::gil_scoped_release release;
    taken = (may_wait ? callback_ : now)(tag_.c_str(), head, code);
  }
  if (taken == kNoRoom && !may_wait) {
    pending_ = head;
    return kNoRoom;
  }
  ResultList::Free(head);
  if (taken < 0 || code != 0) End();
  return taken;
}

int Session::Hand(std::unique_ptr<ResultList> results, bool may_wait) {
  return HandHead(ResultList::Release(results.release()), 0, may_wait);
}

int Session::HandError(int code) {
  if (kind_ == Kind::kCall && !TakeAnswer()) return -1;
  return HandHead(nullptr, code, true);
}

int Session::Retry(bool may_wait) {
  return HandHead(std::exchange(pending_, nullptr), 0, may_wait);
}

bool Session::IsOver() const {
  const std::lock_guard lock(mu_);
  return over_;
}

void Session::End() {
  const std::lock_guard lock(mu_);
  over_ = true;
}

bool Session::TakeAnswer() {
  {
    const std::lock_guard lock(mu_);
    if (std::exchange(over_, true)) return false;
  }
  SessionTable::Get().Remove(*this);
  return true;
}

SessionTable& SessionTable::Get() {
  static auto* const table = new SessionTable;  // Threads of user code may outlive main.
  return *table;
}

void SessionTable::Add(const SessionPtr& session) {
  SessionPtr displaced[3];  // Destroyed after the lock: Python objects may run code as they go.
  const std::lock_guard lock(mu_);
  const auto put = [&](Names* names, const std::string& name) {
    return name.empty() ? nullptr : std::exchange((*names)[name], session);
  };
  displaced[0] = std::exchange(by_tag_[session->tag()], session);
  displaced[1] = put(&by_name_, session->sid());
  displaced[2] = put(&by_name_, session->handle());
}

void SessionTable::Remove(const Session& session) {
  const std::lock_guard lock(mu_);
  Erase(&by_tag_, session.tag(), session);
  Erase(&by_name_, session.sid(), session);
  Erase(&by_name_, session.handle(), session);
}

SessionPtr SessionTable::Find(const std::string& name) const {
  const std::lock_guard lock(mu_);
  if (const auto found = by_tag_.find(name); found != by_tag_.end()) return found->second;
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

void SessionTable::Erase(Names* names, const std::string& name, const Session& session) {
  const auto found = names->find(name);
  if (found != names->end() && found->second.get() == &session) names->erase(found);
}

}  // namespace aiges::shim
