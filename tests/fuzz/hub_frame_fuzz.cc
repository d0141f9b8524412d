// SPDX-License-Identifier: Apache-2.0
// What a worker could say to the loader: foreign code runs in it, so every frame is hostile.
// Each frame is read as what it says it is, and what came out is said to a worker again.
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "loader/base/fd.h"
#include "loader/channel/endpoint.h"
#include "loader/channel/shm.h"
#include "loader/instances/frames.h"

namespace {

using namespace aiges;

constexpr size_t kMostSaid = 1 << 20;

void SayAgain(std::vector<Payload> payloads, const Arena& memory) {
  size_t bytes = 0;  // One run may be named by many payloads.
  for (const Payload& p : payloads) bytes += p.data.size();
  if (bytes > kMostSaid) return;
  Request request;
  request.payloads = std::move(payloads);
  std::string out;
  if (!AppendExec(&out, 1, request, memory)) std::abort();
  if (!AppendWrite(&out, 1, request.payloads, memory)) std::abort();
  for (const Payload& p : request.payloads) {
    if (!AppendLoad(&out, 1, p, memory)) std::abort();
  }
}

void Handle(const Frame& frame, const std::shared_ptr<ArenaMapping>& results, const Arena& memory) {
  switch (frame.type) {
    case FrameType::kHello:
      ReadHello(frame);
      return;
    case FrameType::kReady: {
      ReadyFrame ready;
      const bool read = ReadReady(frame, &ready);
      if (read && (ready.most_threads < ready.threads || ready.batch_size == 0)) std::abort();
      return;
    }
    case FrameType::kThreads: {
      unsigned threads = 0, most = 0;
      if (ReadThreads(frame, &threads, &most) && (threads == 0 || most < threads)) std::abort();
      return;
    }
    case FrameType::kFailed: {
      std::string reason;
      ReadFailed(frame, &reason);
      return;
    }
    case FrameType::kResult: {
      ResultFrame result;
      if (ReadResult(frame, results, &result)) SayAgain(std::move(result.result.payloads), memory);
      return;
    }
    case FrameType::kItem:
    case FrameType::kTaken:
    case FrameType::kClosed: {
      SessionEvent event;
      if (ReadSessionEvent(frame, results, &event)) SayAgain(std::move(event.payloads), memory);
      return;
    }
    case FrameType::kCall:
    case FrameType::kCallCredit:
    case FrameType::kCallEnd: {
      NestedEvent event;
      if (!ReadNested(frame, results, &event)) return;
      if (event.kind == NestedEvent::Kind::kBegin && event.credit > kCallWindow) std::abort();
      SayAgain(std::move(event.payloads), memory);
      return;
    }
    case FrameType::kLoaded: {
      LoadedFrame loaded;
      ReadLoaded(frame, &loaded);
      return;
    }
    default: {
      std::string_view tag, key, value;
      int32_t count = 0;
      ReadMeter(frame, &key, &count);
      ReadTrace(frame, &tag, &key, &value);
      return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 100'000) return 0;  // More does not fit into the socket at once.
  static Status status;
  static const std::unique_ptr<Arena> memory = Arena::Create("fuzz", 4 * kBlock, &status);
  static const std::unique_ptr<Arena> worker = Arena::Create("fuzz", 4 * kBlock, &status);
  static const auto results =
      ArenaMapping::Map(worker->fd(), ArenaMapping::Access::kReader, true, &status);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  const Fd near(ends[0]);
  const Fd far(ends[1]);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (SendSome(far.get(), bytes, MSG_DONTWAIT) < 0) std::abort();
  FrameInput input;
  while (!input.broken() && input.Fill(near.get(), MSG_DONTWAIT) == FrameInput::State::kData) {
    while (input.HasFrame()) {
      const std::optional<Frame> frame = input.Next();
      if (!frame) std::abort();
      Handle(*frame, results, *memory);
    }
    if (input.Next()) std::abort();
  }
  return 0;
}
