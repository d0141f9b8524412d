// loader/instances/pool_resources.cc: the same resources, under the same numbers, in every worker.
//
// A new worker gets all of them with its start, before any call. All on the hub thread.

#include <sys/epoll.h>

#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/instances/pool.h"

namespace aiges {

void Pool::Load(Payload resource, std::function<void(Status, unsigned id)> done) {
  hub_.Post([this, resource = std::move(resource), done = std::move(done)]() mutable {
    const uint64_t id = ++last_resource_;
    const Payload& kept = resources_[id] = std::move(resource);
    Loading& loading = loading_[id];
    loading.done = [this, id, done = std::move(done)](Status status) {
      if (!status.ok()) {  // In some, perhaps: in none from now on.
        for (auto& instance : instances_) instance->UnloadResource(id);
        Flush();
        resources_.erase(id);
        status.code = kCodeLoadFailed;
      }
      done(std::move(status), static_cast<unsigned>(id));
    };
    for (auto& instance : instances_) {
      instance->LoadResource(id, kept, *memory_);  // One that starts gets it behind its start.
      if (instance->state() == InstanceState::kReady) loading.waiting.insert(instance.get());
    }
    Flush();
    EndLoad(id);
  });
}

void Pool::Unload(unsigned id, std::function<void(Status)> done) {
  hub_.Post([this, id, done = std::move(done)] {
    if (resources_.count(id) == 0 || loading_.count(id) > 0) {
      return done(Status::Error(StatusKind::kInvalid, StrCat("no resource has the number ", id),
                                kCodeUnloadFailed));
    }
    resources_.erase(id);
    Loading& loading = loading_[id];
    loading.done = [done](Status status) {
      if (!status.ok()) status.code = kCodeUnloadFailed;
      done(std::move(status));
    };
    for (auto& instance : instances_) {
      instance->UnloadResource(id);
      if (instance->state() == InstanceState::kReady) loading.waiting.insert(instance.get());
    }
    Flush();
    EndLoad(id);
  });
}

void Pool::OnLoaded(const Instance& instance, const Instance::Input::Loaded& answer) {
  const auto found = loading_.find(answer.resource);
  if (found == loading_.end()) {  // One that came with the worker's start.
    if (answer.code != 0) {
      LogError("instances", "worker ", instance.number(), ": resource ", answer.resource,
               " could not be loaded: ", answer.text);
    }
    return;
  }
  if (found->second.waiting.erase(&instance) == 0) return;
  if (answer.code != 0 && found->second.status.ok()) {
    found->second.status = Status::Error(StatusKind::kInternal, answer.text);
  }
  EndLoad(answer.resource);
}

void Pool::ForgetLoads(const Instance& instance) {
  std::vector<uint64_t> ids;
  for (auto& [id, loading] : loading_) {
    if (loading.waiting.erase(&instance) > 0) ids.push_back(id);
  }
  for (const uint64_t id : ids) EndLoad(id);
}

void Pool::EndLoad(uint64_t id) {
  const auto found = loading_.find(id);
  if (found == loading_.end() || !found->second.waiting.empty()) return;
  const Loading loading = std::move(found->second);
  loading_.erase(found);
  loading.done(loading.status);
}

}  // namespace aiges
