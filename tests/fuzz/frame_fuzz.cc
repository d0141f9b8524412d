// SPDX-License-Identifier: Apache-2.0
// What a broken peer could write into a channel, through the frame reader into the lists of a
// plugin, and those lists back into a result frame.
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "loader/base/fd.h"
#include "loader/channel/endpoint.h"
#include "loader/channel/shm.h"
#include "loader/worker/lists.h"

namespace {

using namespace aiges;

size_t Touch(std::string_view bytes) {
  size_t sum = 0;
  for (const char c : bytes) sum += static_cast<unsigned char>(c);
  return sum;
}

// Reads a list as a plugin does.
size_t Walk(const DataList* head) {
  size_t sum = 0;
  for (const DataList* d = head; d != nullptr; d = d->next) {
    if (d->key != nullptr) sum += Touch(d->key);
    if (d->data != nullptr) sum += Touch({static_cast<const char*>(d->data), d->len});
    for (const ParamList* p = d->desc; p != nullptr; p = p->next) {
      if (p->key != nullptr) sum += Touch(p->key) + Touch(p->value);
    }
  }
  return sum;
}

void HandleExec(const Frame& frame, const ArenaMapping& requests, Arena* results) {
  static CallInput call;  // As in the worker, which uses one for all its calls.
  if (!call.ParseExec(frame.body, requests)) return;
  Walk(call.data.head());
  std::string out;
  WriteResult(&out, frame.id, {1}, call.data.head(), results);
  WriteItem(&out, frame.id, false, call.data.head(), results);
  for (const DataList* d = call.data.head(); d != nullptr; d = d->next) {
    uint64_t offset = 0;
    if (results->Contains(static_cast<const char*>(d->data), &offset)) std::abort();
  }
}

void HandleSession(const Frame& frame, const ArenaMapping& requests) {
  static CallInput create;
  uint32_t credit = 0;
  if (frame.type == FrameType::kCreate) create.ParseCreate(frame.body, &credit);
  DataInput input;
  WireReader r(frame.body);
  if (frame.type == FrameType::kWrite && input.Read(&r, requests)) Walk(input.head());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 100'000) return 0;  // More does not fit into the socket at once.
  static Status status;
  static const std::unique_ptr<Arena> arena = Arena::Create("fuzz", 4 * kBlock, &status);
  static const std::unique_ptr<Arena> results = Arena::Create("fuzz", 4 * kBlock, &status);
  static const auto requests =
      ArenaMapping::Map(arena->fd(), ArenaMapping::Access::kReader, false, &status);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  const Fd near(ends[0]);
  Fd far(ends[1]);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // In two cuts, so that the gathering is exercised too.
  const size_t cut = size / 2;
  FrameInput input;
  for (const std::string_view piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    if (SendSome(far.get(), piece, MSG_DONTWAIT) < 0) std::abort();
    while (!input.broken() && input.Fill(near.get(), MSG_DONTWAIT) == FrameInput::State::kData) {
      while (const std::optional<Frame> frame = input.Next()) {
        HandleExec(*frame, *requests, results.get());
        HandleSession(*frame, *requests);
      }
    }
  }
  uint64_t unused = 0;
  for (size_t i = 0; i < 4; ++i) results->Free(i * kBlock);
  if (results->Allocate(1, &unused) == nullptr) std::abort();
  results->Free(unused);
  return 0;
}
