// SPDX-License-Identifier: Apache-2.0
// loader/scheduler/nested_callers.cc: what goes along with a call that a running call makes of
// another model: the scheduler knows the call that waits for it.
#include <algorithm>
#include <iterator>

#include "loader/scheduler/scheduler.h"

namespace aiges {
namespace {

// A batch makes calls for all that are in it: a model that any of them waits in would wait for
// itself.
std::shared_ptr<const CallPath> Joined(const std::shared_ptr<const CallPath>& path,
                                       const CallPath& more) {
  auto joined = std::make_shared<CallPath>(*path);
  for (const std::string& model : more.models) {
    if (std::find(joined->models.begin(), joined->models.end(), model) == joined->models.end()) {
      joined->models.insert(joined->models.begin(), model);
    }
  }
  return joined;
}

}  // namespace

NestedCaller Scheduler::CallerOf(Place place, const std::vector<uint64_t>& ids) {
  NestedCaller caller;
  caller.name = name_;
  for (const uint64_t id : ids) {
    NestedCaller one;
    if (SessionTable::IsSession(id)) {
      one = sessions_.CallerOf(place, id);
    } else {
      MutexLock lock(mu_);
      const auto found = calls_.find(id);
      if (found == calls_.end() || found->second.state != State::kRunning ||
          found->second.place.instance != place.instance ||
          found->second.place.generation != place.generation) {
        continue;
      }
      Call& call = found->second;
      if (caller.id == 0) call.nests = true;  // The one that speaks.
      one.id = id;
      one.path = call.request.path;
      one.deadline = call.request.deadline;
      one.request_id = call.request.shown_id();
      one.origin = call.request.origin;
      one.params = PassedOn(call.request.params);
    }
    if (one.id == 0) continue;
    if (caller.id == 0) {
      std::swap(caller, one);
      caller.name = name_;
      auto path = caller.path == nullptr ? std::make_shared<CallPath>()
                                         : std::make_shared<CallPath>(*caller.path);
      path->models.push_back(name_);
      caller.path = std::move(path);
    } else if (one.path != nullptr) {
      caller.path = Joined(caller.path, *one.path);
    }
  }
  if (caller.id == 0 && !ids.empty()) {
    caller.status = Status::Error(StatusKind::kCancelled,
                                  "the call that it is made for is over: nobody waits for it");
  }
  return caller;
}

bool Scheduler::Waits(uint64_t caller) const {
  if (SessionTable::IsSession(caller)) return sessions_.Waits(caller);
  MutexLock lock(mu_);
  const auto found = calls_.find(caller);
  return found != calls_.end() && found->second.state == State::kRunning;
}

void Scheduler::OnNested(Place place, std::vector<NestedEvent> events) {
  for (NestedEvent& event : events) {
    const uint64_t id = event.id;
    if (nested_ == nullptr) {
      if (event.kind != NestedEvent::Kind::kBegin) continue;
      workers_.Answer(
          place, id,
          {Status::Error(StatusKind::kUnsupported, "this loader has no other models"), {}});
    } else if (event.kind == NestedEvent::Kind::kCredit) {
      nested_->Credit(nested_line_.get(), place, id, event.credit);
    } else if (event.kind == NestedEvent::Kind::kEnd) {
      nested_->End(nested_line_.get(), place, id);
    } else {
      NestedCaller caller = CallerOf(place, event.callers);
      const uint64_t speaker = caller.id;
      nested_->Begin(nested_line_, place, std::move(event), std::move(caller));
      // It may have ended meanwhile on another thread, which did not find this one yet.
      if (speaker != 0 && !Waits(speaker)) nested_->CallerOver(speaker);
    }
  }
  if (nested_ != nullptr) nested_->Flush();
}

void Scheduler::OnPlaceGone(Place place) {
  if (nested_ != nullptr) nested_->PlaceGone(nested_line_.get(), place);
}

NestedCaller SessionTable::CallerOf(Place place, SessionId id) {
  NestedCaller caller;
  MutexLock lock(mu_);
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return caller;
  Session& session = found->second;
  if (session.closing || session.place.instance != place.instance ||
      session.place.generation != place.generation) {
    return caller;
  }
  session.nests = true;
  caller.id = id;
  caller.path = session.request.path;
  caller.request_id = session.request.shown_id();
  caller.origin = session.request.origin;
  caller.params = session.passed;
  return caller;
}

bool SessionTable::Waits(SessionId id) const {
  MutexLock lock(mu_);
  const auto found = sessions_.find(id);
  return found != sessions_.end() && !found->second.closing;
}

}  // namespace aiges
