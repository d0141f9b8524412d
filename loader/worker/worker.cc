// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/worker.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "loader/channel/wire.h"
#include "loader/worker/callbacks.h"
#include "loader/worker/host.h"
#include "loader/worker/kept_input.h"
#include "loader/worker/lists.h"
#include "loader/worker/own_process.h"
#include "loader/worker/runner.h"

namespace aiges {
namespace {

// The shim's own numbers, which say nothing to a person.
constexpr int kFirstOwn = 30001, kLastOwn = 30099;

// Why a hook of the start failed, for whoever reads the terminal: with the engine's number where
// its text has none.
std::string WhyNot(const Plugin& plugin, int code) {
  std::string text = plugin.ErrorText(code);
  const bool own = code >= kFirstOwn && code <= kLastOwn;
  if (own || text.find(std::to_string(code)) != std::string::npos) return text;
  return StrCat(text, " (code ", code, ")");
}

int Fail(int code, const std::string& reason) {
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kFailed, 0);
  w.Number(static_cast<int32_t>(code));
  w.Text(reason);
  w.End();
  GetOutbox().Write(frame);
  return 1;
}

// kInit as values.
struct InitFrame {
  Pairs config;
  unsigned threads = 1, most_threads = 1;
  AsyncMode async_mode = AsyncMode::kUnset;
  bool real_time_results = true;
  unsigned batch_size = 1;
  uint64_t batch_delay_us = 0, board = 0;
  unsigned alive_ms = 0;
  uint8_t said = 0;  // InitSaid

  bool Read(std::string_view body) {
    WireReader r(body);
    config = r.KeyValues();
    threads = std::max(r.Number<uint32_t>(), 1u);
    most_threads = std::max(r.Number<uint32_t>(), threads);
    async_mode = r.Number<AsyncMode>();
    real_time_results = r.Number<uint8_t>() != 0;
    batch_size = std::max(r.Number<uint32_t>(), 1u);
    batch_delay_us = r.Number<uint64_t>();
    board = r.Number<uint64_t>();
    alive_ms = r.Number<uint32_t>();
    said = r.Number<uint8_t>();
    return r.AtEnd();
  }

  // What the plugin asks for, where aiges.toml does not say it.
  void Grant(const Plugin& plugin) {
    WrapperWishes wishes{};
    if (plugin.wishes == nullptr || plugin.wishes(&wishes) != 0) return;
    if (wishes.threads > 0 && (said & kSaidThreads) == 0) {
      threads = most_threads = std::min(wishes.threads, kMostWished);
    }
    if (wishes.batch_size > 0 && (said & kSaidBatchSize) == 0) {
      batch_size = std::min(wishes.batch_size, kMostWished);
    }
    if (wishes.batch_delay_us > 0 && (said & kSaidBatchDelay) == 0) {
      batch_delay_us = std::min(wishes.batch_delay_us, kMostWishedDelayUs);
    }
  }

 private:
  static constexpr unsigned kMostWished = 1024, kMostWishedDelayUs = 1'000'000;
};

EngineMode ModeOf(const Plugin& plugin, const InitFrame& init) {
  EngineMode mode;
  const bool has_sessions =
      plugin.create != nullptr && plugin.write != nullptr && plugin.destroy != nullptr;
  const unsigned traits = plugin.traits != nullptr ? plugin.traits() : 0;
  const auto says = [&](unsigned trait, bool by_symbols) {
    return plugin.traits != nullptr ? (traits & trait) != 0 : by_symbols;
  };
  mode.sessions = has_sessions && says(WTraitSessions, true);
  const bool async = init.async_mode == AsyncMode::kOn;
  mode.callback = mode.sessions && (async || plugin.read == nullptr || says(WTraitCallback, false));
  mode.polled = mode.sessions && !mode.callback && says(WTraitReadOrCallback, true);
  mode.either = mode.polled && init.async_mode == AsyncMode::kUnset;
  // A hook that is async of its own accord stays a wrapperExec for clients.
  mode.async_fault = async ? Fault::kCallback : Fault::kExec;
  mode.async_once = plugin.exec_async != nullptr && (async || says(WTraitAsyncOnce, false));
  mode.batch_size = init.batch_size;
  mode.batch = init.batch_size > 1 && !mode.async_once && plugin.exec_batch != nullptr &&
               says(WTraitBatch, true);
  mode.batch_delay_ns = static_cast<int64_t>(init.batch_delay_us) * 1000;
  mode.real_time_results = init.real_time_results;
  mode.threads = says(WTraitOneThread, false) ? 1 : init.threads;
  mode.most_threads = says(WTraitOneThread, false) || mode.batch ? mode.threads : init.most_threads;
  return mode;
}

// 0, or what the process must exit with.
int StartEngine(const std::string& library, InitFrame init, Host* host) {
  Status status;
  host->plugin = Plugin::Load(library, &status);
  if (host->plugin == nullptr) return Fail(0, status.text);
  Plugin& plugin = *host->plugin;
  OfferHostFunctions(plugin, init.alive_ms);
  ParamNodes nodes;
  nodes.Reset(init.config.size());
  for (const auto& [key, value] : init.config) nodes.Add(key, value);
  if (const int code = plugin.init(nodes.head()); code != 0) {
    return Fail(code, StrCat("wrapperInit failed: ", WhyNot(plugin, code)));
  }
  if (const int code = plugin.warmup == nullptr ? 0 : plugin.warmup(); code != 0) {
    return Fail(code, StrCat("wrapperWarmup failed: ", WhyNot(plugin, code)));
  }
  init.Grant(plugin);
  host->mode = ModeOf(plugin, init);
  const std::string doors = plugin.Doors();
  host->mode.doors = !doors.empty();
  if (init.batch_size > 1 && !host->mode.batch && host->mode.doors) {
    return Fail(0, StrCat("[batch] max_size = ", init.batch_size,
                          ": expected an engine that takes batches, this one has its own protocol "
                          "and no wrapperBatchExec; take the key out"));
  }
  if (init.batch_size > 1 && !host->mode.batch) {
    std::fprintf(stderr,
                 "aiges-worker: [batch] max_size = %u has no effect: the engine has no "
                 "wrapperBatchExec / wrapperExecBatch\n",
                 init.batch_size);
  }
  const std::string_view board =
      host->requests->View(init.board, kCancelSlots * sizeof(std::atomic<uint64_t>));
  if (board.data() == nullptr) return Fail(0, "broken start frame: no cancel board");
  host->cancel_board = reinterpret_cast<const std::atomic<uint64_t>*>(board.data());
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kReady, 0);
  w.Text(plugin.path());
  w.Text(plugin.Version());
  w.Number(uint32_t{(host->mode.async_once ? kTraitAsyncOnce : 0u) |
                    (host->mode.batch ? kTraitBatch : 0u) | (host->mode.doors ? kTraitDoors : 0u)});
  w.Text(plugin.Schema());
  w.Text(doors);
  w.Number(uint32_t{host->mode.threads});
  w.Number(uint32_t{host->mode.most_threads});
  w.Number(uint32_t{host->mode.batch_size});
  w.End();
  GetOutbox().Write(frame);
  return 0;
}

int Run(const WorkerStart& start) {
  WatchForks();
  std::string hello;
  WireWriter w(&hello);
  w.Begin(FrameType::kHello, 0);
  w.Number(kChannelVersion);
  w.Number(static_cast<uint32_t>(::getpid()));
  w.End();
  GetOutbox().Write(hello);

  Host& host = *new Host;  // Never destroyed: engines' threads outlive main.
  Status status;
  host.requests =
      ArenaMapping::Map(kRequestMemoryFd, ArenaMapping::Access::kReader, false, &status);
  GetKeptInput().Use(host.requests, kRequestMemoryFd);
  if (host.requests != nullptr) host.results = Arena::Adopt(Fd(kResultMemoryFd), &status);
  if (host.results == nullptr) return Fail(0, status.text);
  FrameInput input;
  std::optional<Frame> first;
  while (!first) {
    if (input.Fill(kChannelFd, 0) != FrameInput::State::kData) return 1;
    first = input.Next();
  }
  InitFrame init;
  if (first->type != FrameType::kInit || !init.Read(first->body)) {
    return Fail(0, "broken start frame");
  }
  if (!start.wrong.empty()) return Fail(start.code, start.wrong);
  if (const int failed = StartEngine(start.library, init, &host); failed != 0) return failed;
  auto* const runner = new Runner(host, std::move(input));  // As the host.
  runner->Serve();
  if (host.plugin->fini != nullptr) host.plugin->fini();
  return 0;
}

}  // namespace

void RunWorker(const WorkerStart& start) {
  // From here on for this process alone: what the plugin starts must neither speak in its name nor
  // read the requests of others. Not earlier: an interpreter may have been started in between.
  for (const int fd : {kChannelFd, kRequestMemoryFd, kResultMemoryFd}) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  const int status = Run(start);
  std::fflush(nullptr);
  ::_exit(status);
}

}  // namespace aiges
