// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/resource_set.h"

#include <algorithm>
#include <utility>

#include "loader/api/codes.h"
#include "loader/instances/faults.h"

namespace aiges {
namespace {

uint64_t BytesOf(const Payload& payload) {
  uint64_t bytes = payload.key.size() + payload.data.size();
  for (const auto& [key, value] : payload.desc) bytes += key.size() + value.size();
  return bytes;
}

}  // namespace

Status ResourceSet::Refusal(uint64_t bytes) const {
  if (resources_.size() >= limits_.max_resources) {
    return Status::Error(StatusKind::kOverloaded,
                         StrCat("[limits] max_resources = ", limits_.max_resources,
                                " resources are loaded: unload one, or raise it"),
                         kCodeLoadFailed);
  }
  if (bytes_ + bytes > limits_.max_resource_bytes) {
    return Status::Error(
        StatusKind::kOverloaded,
        StrCat("[limits] max_resource_bytes = ", limits_.max_resource_bytes,
               " would be passed: ", bytes_, " bytes are loaded, ", bytes, " would be added"),
        kCodeLoadFailed);
  }
  if (std::none_of(readers_.begin(), readers_.end(), [](const auto& r) { return r.second; })) {
    return Status::Error(StatusKind::kDisconnected,
                         "no worker is ready, so none can load the resource: try again later",
                         kCodeLoadFailed);
  }
  return Status::Ok();
}

void ResourceSet::Load(Payload payload, Done done) {
  const uint64_t bytes = BytesOf(payload);
  const Status refusal = stopped_.ok() ? Refusal(bytes) : stopped_;
  if (!refusal.ok()) return done(refusal, 0);
  const unsigned id = ++last_;
  Resource& resource = resources_[id];
  resource.payload = std::move(payload);
  resource.bytes = bytes;
  resource.done = std::move(done);
  bytes_ += bytes;
  for (const auto& [reader, serves] : readers_) {
    if (wire_.SendLoad(reader, id, resource.payload)) ++resource.answers[reader];
  }
  Settle(id);
}

void ResourceSet::Unload(unsigned id, Done done) {
  const auto found = resources_.find(id);
  if (!stopped_.ok() || found == resources_.end() || found->second.state != State::kLoaded) {
    const Status missing = Status::Error(
        StatusKind::kInvalid, StrCat("no resource has the number ", id), kCodeUnloadFailed);
    return done(stopped_.ok() ? missing : stopped_, id);
  }
  found->second.state = State::kUnloading;
  found->second.done = std::move(done);
  SendUnloads(id, &found->second);
  Settle(id);
}

void ResourceSet::SendUnloads(uint64_t id, Resource* resource) {
  for (const auto& [reader, serves] : readers_) {
    if (wire_.SendUnload(reader, id)) ++resource->answers[reader];
  }
}

void ResourceSet::Stop(const Status& status) {
  stopped_ = status;
  for (auto& [id, resource] : resources_) {
    if (resource.done) std::exchange(resource.done, nullptr)(status, static_cast<unsigned>(id));
  }
}

void ResourceSet::AddReader(unsigned reader) {
  readers_[reader] = false;
  for (auto& [id, resource] : resources_) {
    const bool wanted = resource.state == State::kLoading || resource.state == State::kLoaded;
    if (wanted && wire_.SendLoad(reader, id, resource.payload)) ++resource.answers[reader];
  }
}

bool ResourceSet::Complete(unsigned reader) const {
  return std::none_of(resources_.begin(), resources_.end(), [reader](const auto& r) {
    return r.second.answers.count(reader) > 0 || r.second.failed.count(reader) > 0;
  });
}

void ResourceSet::OnLoaded(unsigned reader, const LoadedFrame& answer) {
  const auto found = resources_.find(answer.resource);
  if (found == resources_.end()) return;  // Of a worker that is broken.
  Resource& resource = found->second;
  const auto owed = resource.answers.find(reader);
  if (owed == resource.answers.end()) return;
  if (--owed->second == 0) resource.answers.erase(owed);
  const bool serves = readers_[reader];
  if (answer.code == 0) {
    resource.taken = resource.taken || serves;
  } else if (resource.state == State::kLoaded) {  // The others have it.
    wire_.Reject(reader,
                 StrCat("resource ", answer.resource, " could not be loaded: ", answer.text));
  } else if (serves) {
    const StatusKind kind = KindOf(answer.error_class);
    if (resource.status.ok()) resource.status = Status::Error(kind, answer.text);
  } else if (resource.state == State::kLoading) {
    resource.failed[reader] = answer.text;  // It depends on the others whether that matters.
  }
  Settle(answer.resource);
}

void ResourceSet::RemoveReader(unsigned reader) {
  readers_.erase(reader);
  std::vector<uint64_t> ids;
  for (auto& [id, resource] : resources_) {
    resource.failed.erase(reader);
    resource.answers.erase(reader);
    ids.push_back(id);
  }
  for (const uint64_t id : ids) Settle(id);
}

bool ResourceSet::WaitsForOneThatServes(const Resource& resource) const {
  return std::any_of(resource.answers.begin(), resource.answers.end(), [this](const auto& owed) {
    const auto reader = readers_.find(owed.first);
    return reader != readers_.end() && reader->second;
  });
}

void ResourceSet::EndLoad(uint64_t id, Resource* resource) {
  const auto failed = std::exchange(resource->failed, {});
  if (resource->status.ok() && !resource->taken) {
    resource->status = Status::Error(StatusKind::kDisconnected,
                                     "every worker that was to load the resource has died");
  }
  if (resource->status.ok()) {
    resource->state = State::kLoaded;
    for (const auto& [reader, text] : failed) {
      wire_.Reject(reader, StrCat("resource ", id, " could not be loaded: ", text));
    }
  } else {  // In some, perhaps: in none from now on.
    resource->state = State::kGone;
    resource->status.code = kCodeLoadFailed;
    SendUnloads(id, resource);
  }
}

void ResourceSet::Settle(uint64_t id) {
  const auto found = resources_.find(id);
  if (found == resources_.end() || WaitsForOneThatServes(found->second)) return;
  Resource& resource = found->second;
  Status status;
  if (resource.state == State::kLoading) {
    EndLoad(id, &resource);
    status = std::exchange(resource.status, Status::Ok());
  } else if (resource.state == State::kUnloading) {
    resource.state = State::kGone;
    status = std::exchange(resource.status, Status::Ok());
    if (!status.ok()) status.code = kCodeUnloadFailed;
  }
  const Done done = std::exchange(resource.done, nullptr);
  if (resource.state == State::kGone && resource.answers.empty()) {
    bytes_ -= resource.bytes;
    resources_.erase(found);
  }
  if (done) done(std::move(status), static_cast<unsigned>(id));
}

}  // namespace aiges
