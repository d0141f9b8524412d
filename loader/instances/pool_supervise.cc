// SPDX-License-Identifier: Apache-2.0
// loader/instances/pool_supervise.cc: life and death of workers: started, listened to, watched,
// buried and started again. All on the hub thread.
//
// No worker may keep the hub: each turn takes a bounded number of frames and of printed bytes from
// one, then the others have theirs.

#include <sys/epoll.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "loader/base/log.h"
#include "loader/instances/confine.h"
#include "loader/instances/pool.h"

namespace aiges {
namespace {

// A worker that prints more than it may in one turn is read again after this: so much of the hub's
// time it has at most, and its pipe slows it down.
constexpr std::chrono::milliseconds kOutputPause{1};
// A channel ends a little before its process: so long its calls wait to be told why.
constexpr std::chrono::milliseconds kEndKnown{80};
// Until another is started in place of one that does not die (a core of many GB, a driver).
constexpr std::chrono::seconds kLongestDeath{10};
// Turns in which the last answers of a worker that is gone are read. Its socket is finite, what a
// process that it left behind writes into it need not be.
constexpr int kLastTurns = 1024;

// Options of Java may hold anything else.
constexpr char kBetweenOptions = '\x1f';

// The shim for Java reads these.
void AddJava(const InstanceSettings& s, std::vector<std::string>* all) {
  if (!s.java.empty()) all->push_back(StrCat("AIGES_JAVA=", s.java));
  if (s.java_heap_mb > 0) all->push_back(StrCat("AIGES_JAVA_HEAP_MB=", s.java_heap_mb));
  if (s.java_options.empty()) return;
  std::string options = "AIGES_JAVA_OPTIONS=";
  for (const std::string& option : s.java_options) options += option + kBetweenOptions;
  all->push_back(std::move(options));
}

// The shim reads these; the worker itself knows nothing of Python.
std::vector<std::string> WorkerEnvironment(const InstanceSettings& s) {
  std::string path;
  for (const std::string& folder : s.pythonpath) path += StrCat(folder, ":");
  if (const char* inherited = std::getenv("PYTHONPATH")) path += StrCat(inherited, ":");
  path += ".";  // wrapper.py in the current folder works without any setting.
  std::vector<std::string> all{StrCat("AIGES_PYTHON=", s.python), StrCat("PYTHONPATH=", path)};
  if (!s.contract.empty()) all.push_back(StrCat("AIGES_CONTRACT=", s.contract));
  if (!s.app.empty()) all.push_back(StrCat("AIGES_APP=", s.app));
  AddJava(s, &all);
  if (!s.config_folder.empty()) all.push_back(StrCat("AIGES_CONFIG_DIR=", s.config_folder));
  for (const auto& [name, value] : s.environment) all.push_back(StrCat(name, "=", value));
  return all;
}

// Several in hang_kill_ms, so that one that comes late on a busy machine is not missed.
unsigned AlivePeriod(uint64_t hang_kill_ms) {
  if (hang_kill_ms == 0) return 0;
  return static_cast<unsigned>(std::clamp<uint64_t>(hang_kill_ms / 5, 10, 1000));
}

}  // namespace

std::string Pool::InitFrameOf(const EngineSettings& settings) const {
  WorkerSetup setup;
  setup.config = settings.config;
  setup.threads = settings.instances.threads;
  setup.most_threads = settings.instances.most_threads;
  setup.async_mode = settings.sessions.async_mode;
  setup.real_time_results = settings.sessions.real_time_results;
  setup.batch_size = settings.batch.max_size;
  setup.batch_delay_us = settings.batch.max_delay_us;
  setup.board = memory_->board_offset();
  setup.alive_ms = AlivePeriod(settings.instances.hang_kill_ms);
  setup.said = static_cast<uint8_t>((settings.instances.threads_said ? kSaidThreads : 0) |
                                    (settings.batch.size_said ? kSaidBatchSize : 0) |
                                    (settings.batch.delay_said ? kSaidBatchDelay : 0));
  return InitFrame(setup);
}

SpawnPlan Pool::PlanOf(const EngineSettings& settings, unsigned number) const {
  SpawnPlan plan;
  plan.binary = settings.instances.worker_binary;
  plan.instance = number;
  plan.environment = WorkerEnvironment(settings.instances);
  plan.request_memory = &memory_->arena();
  plan.result_memory_bytes = result_memory_bytes_;
  plan.library = settings.instances.library;
  plan.folders = settings.instances.pythonpath;
  plan.folder = settings.instances.folder;
  Placement place = PlaceInstance(settings.instances, number, settings.machine);
  plan.environment.insert(plan.environment.end(), place.environment.begin(),
                          place.environment.end());
  plan.gpus = std::move(place.gpus);
  plan.wrong = std::move(place.wrong);
  const Status status = Confine(settings.instances, &plan);
  plan.confinement.numa_node = place.numa_node;
  plan.confinement.cpus = std::move(place.cpus);
  if (plan.wrong.empty()) plan.wrong = status.text;
  return plan;
}

void Pool::StartInstance(Instance& instance) {
  if (stopping_) return;
  instance.set_paused(false);
  // Of one that did not die in time.
  if (instance.process() != nullptr) hub_.Unwatch(instance.process()->handle());
  const bool spare = IsSpare(instance);
  const EngineSettings& settings = spare && fresh_ ? *fresh_ : settings_;
  const Status status = instance.Start(processes_, PlanOf(settings, instance.number()),
                                       InitFrameOf(settings), settings.http.app_concurrency);
  if (!status.ok()) {
    LogError("instances", "worker ", instance.number(), " could not be started: ", status.text);
    if (spare) return OnSpareEmpty(instance, status.text);
    if (!OnStartFailed(instance, status.text)) Restart(instance);
    return;
  }
  resources_.AddReader(instance.place());
  Supervise(instance);
}

void Pool::Supervise(Instance& instance) {
  Process* process = instance.process();
  hub_.Watch(process->output(), EPOLLIN,
             [this, &instance](uint32_t events) { OnOutput(instance, (events & EPOLLHUP) != 0); });
  hub_.Watch(process->handle(), EPOLLIN, [this, &instance](uint32_t) { OnDead(instance); });
  hub_.Watch(process->channel(), EPOLLIN, [this, &instance](uint32_t events) {
    if ((events & EPOLLOUT) != 0 && instance.Flush()) {
      hub_.Modify(instance.process()->channel(), EPOLLIN);
    }
    if ((events & ~uint32_t{EPOLLOUT}) != 0) OnInput(instance);
  });
  if (!instance.Flush()) hub_.Modify(process->channel(), EPOLLIN | EPOLLOUT);
}

void Pool::Later(Instance& instance, Duration pause, std::function<void()> function) {
  auto run = [&instance, process = instance.generation(), function = std::move(function)] {
    if (instance.generation() == process) function();
  };
  if (pause == Duration::zero()) return hub_.Post(std::move(run));
  hub_.PostAt(clock_.Now() + pause, std::move(run));
}

void Pool::OnOutput(Instance& instance, bool ended) {
  const bool more = instance.OnOutput();
  const int output = instance.process()->output();
  if (!more && ended) return hub_.Unwatch(output);
  if (!more) return;
  hub_.Unwatch(output);  // Its end would be told without a pause.
  Later(instance, kOutputPause, [this, &instance, output] {
    hub_.Watch(output, EPOLLIN, [this, &instance](uint32_t events) {
      OnOutput(instance, (events & EPOLLHUP) != 0);
    });
  });
}

void Pool::OnInput(Instance& instance) {
  Instance::Input input = instance.OnChannel(&CountMeter, this);
  Deliver(instance, &input);
  if (input.more_room) events_->OnCapacity();  // Calls that wait may go there.
  for (const LoadedFrame& answer : input.loaded) resources_.OnLoaded(instance.place(), answer);
  if (input.answered) FlushTo(instance);
  if (input.engine_up || !input.loaded.empty()) {
    LetServe();
    Flush();
  }
  if (input.more) {
    Later(instance, Duration::zero(), [this, &instance] { OnInput(instance); });
  }
  if (input.gone) {
    OnChannelEnd(instance, input.broken);
  } else if (instance.retiring()) {
    FinishIfEmpty(instance);
  }
}

void Pool::OnChannelEnd(Instance& instance, bool broken) {
  hub_.Unwatch(instance.process()->channel());
  if (broken) {
    instance.set_kill_reason("sent what is no frame, killed");
    return KillAndLeave(instance);
  }
  instance.OnChannelEnd();
  ExpectEnd(instance);
}

void Pool::OnDead(Instance& instance) {
  const uint64_t generation = instance.generation();
  OnInput(instance);  // Answers that it gave before it died count.
  if (instance.generation() == generation) OnGone(instance);
}

void Pool::KillAndLeave(Instance& instance) {
  instance.Kill();
  ExpectEnd(instance);
}

// Its end says why. When that does not come soon, its calls do not wait for it.
void Pool::ExpectEnd(Instance& instance) {
  instance.StopServing();
  CountReady();
  Later(instance, kEndKnown, [this, &instance] { OnGone(instance); });
}

void Pool::LetServe() {
  for (auto& owned : instances_) {
    Instance& instance = *owned;
    if (!instance.stands_by() || !resources_.Complete(instance.place())) continue;
    if (IsSpare(instance)) {
      Apply(roll_.OnUp(instance.number()));
    } else {
      Serve(instance);
    }
  }
}

void Pool::Serve(Instance& instance) {
  instance.Serve();
  resources_.Serves(instance.place());
  CountReady();
  const TimePoint now = clock_.Now();
  const Duration took = now - instance.started();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took);
  LogInfo("instances", "worker ", instance.number(), " is ready after ", ms.count(),
          " ms: ", instance.Report().plugin);
  {
    MutexLock lock(mu_);
    if (*schema_ != instance.schema()) {
      schema_ = std::make_shared<const std::string>(instance.schema());
    }
    if (doors_ == nullptr || *doors_ != instance.doors()) {
      doors_ = std::make_shared<const std::string>(instance.doors());
    }
  }
  events_->OnReady(instance.number(), now, took);
  events_->OnCapacity();
  if (!std::exchange(served_, true) && on_started_) {
    std::exchange(on_started_, nullptr)(Status::Ok());
  }
}

void Pool::OnGone(Instance& instance) {
  Process* process = instance.process();
  const bool starting = instance.starting();
  const uint64_t generation = instance.generation();
  // Read what is left, then forget the descriptors before they are closed.
  for (int turn = 0; turn < kLastTurns; ++turn) {
    Instance::Input rest = instance.OnChannel(&CountMeter, this);
    const bool more = rest.more || (!rest.empty() && !rest.gone);
    Deliver(instance, &rest);
    if (!more) break;
  }
  hub_.Unwatch(process->channel());
  hub_.Unwatch(process->handle());
  hub_.Unwatch(process->output());
  std::string why;
  const bool wanted = stopping_ || instance.retiring();
  bool dead = false;
  Instance::Input lost = instance.OnDeath(wanted, &why, &dead);
  CountReady();
  resources_.RemoveReader(instance.place());
  if (!wanted || !lost.empty()) {
    const std::string end = StrCat(starting ? "did not start: " : "died: ", why);
    events_->OnDeath({instance.number(), end, instance.last_output()});
    LogError(
        "instances", "worker ", instance.number(), " ", end,
        lost.results.empty() ? "" : StrCat(" (", lost.results.size(), " calls were in it)"),
        lost.sessions.empty() ? "" : StrCat(" (", lost.sessions.size(), " sessions were in it)"));
  }
  if (IsSpare(instance)) {
    OnSpareEmpty(instance, why);
  } else {
    const bool hopeless = starting && OnStartFailed(instance, why);
    if (!stopping_ && !hopeless) dead ? Restart(instance) : RestartWhenDead(instance);
  }
  Deliver(instance, &lost);
  events_->OnPlaceGone({instance.place(), generation});
  LetServe();  // Who waited for its answer to a resource.
  Flush();
  if (ready_ == 0) events_->OnCapacity();  // Lets waiting calls be told that nobody serves them.
  MutexLock lock(mu_);
  changed_.NotifyAll();
}

// Until it is dead its memory, and that of a GPU, may be taken.
void Pool::RestartWhenDead(Instance& instance) {
  const auto go_on = [this, &instance, generation = instance.generation(),
                      done = std::make_shared<bool>(false)](uint32_t) {
    if (instance.generation() != generation || std::exchange(*done, true)) return;
    hub_.Unwatch(instance.process()->handle());
    (void)instance.process()->Reap();
    if (!stopping_ && !IsSpare(instance)) Restart(instance);
  };
  hub_.Watch(instance.process()->handle(), EPOLLIN, go_on);
  hub_.PostAt(clock_.Now() + kLongestDeath, [go_on] { go_on(0); });
}

void Pool::Deliver(const Instance& instance, Instance::Input* input) {
  // What goes on before what ends. A call that ends is over for those that it has made.
  if (!input->nested.empty()) {
    events_->OnNested({instance.place(), instance.generation()}, std::exchange(input->nested, {}));
  }
  if (!input->doors.empty()) events_->OnDoorEvents(std::exchange(input->doors, {}));
  if (!input->results.empty()) events_->OnResults(std::exchange(input->results, {}));
  if (!input->sessions.empty()) events_->OnSessionEvents(std::exchange(input->sessions, {}));
}

bool Pool::OnStartFailed(const Instance& instance, const std::string& why) {
  failed_.insert(instance.number());
  if (served_ || failed_.size() < seats_.size()) return false;
  if (on_started_) {
    std::exchange(on_started_, nullptr)(Status::Error(StatusKind::kInternal, why));
  }
  return true;
}

void Pool::Restart(Instance& instance) {
  const TimePoint now = clock_.Now();
  const Duration served_for =
      instance.served() > 0 ? now - instance.ready_since() : Duration::zero();
  const Duration pause = instance.backoff().Next(instance.started(), now, served_for);
  if (pause == Duration::zero()) return StartInstance(instance);
  instance.set_paused(true);
  LogWarn("instances", "worker ", instance.number(), " keeps failing (",
          instance.backoff().failures(), " times); next start in ",
          std::chrono::duration_cast<std::chrono::milliseconds>(pause).count(), " ms");
  hub_.PostAt(now + pause, [this, &instance] {
    // Unless a reload has put another in its place meanwhile.
    if (!IsSpare(instance) && instance.paused()) StartInstance(instance);
  });
}

void Pool::Watchdog(Instance& instance, TimePoint now) {
  const InstanceSettings& limits = settings_.instances;
  const auto passed = [](Duration time, uint64_t limit_ms) {
    return limit_ms > 0 && time > std::chrono::milliseconds(limit_ms);
  };
  // One that was told to finish is bounded by the time that it was told.
  if (instance.state() == InstanceState::kReady && !instance.told_to_finish() &&
      passed(instance.WithoutProgress(), limits.hang_kill_ms)) {
    instance.set_kill_reason(
        StrCat("no progress within hang_kill_ms=", limits.hang_kill_ms, ", killed"));
    return KillAndLeave(instance);
  }
  if (instance.state() != InstanceState::kStarting) return;
  // One that has all and waits for its turn is late through no fault of its own.
  if (instance.stands_by() && resources_.Complete(instance.place())) return;
  if (!passed(now - instance.started(), limits.start_timeout_ms)) return;
  instance.set_kill_reason(StrCat(instance.stands_by() ? "resources not loaded" : "not ready",
                                  " within start_timeout_ms=", limits.start_timeout_ms,
                                  ", killed"));
  KillAndLeave(instance);
}

void Pool::Tick() {
  const TimePoint now = clock_.Now();
  const InstanceSettings& limits = settings_.instances;
  Recycle();
  processes_.Tidy();
  for (auto& instance : instances_) Watchdog(*instance, now);
  uint64_t shortest = limits.start_timeout_ms;
  if (limits.hang_kill_ms > 0) shortest = std::min(shortest, limits.hang_kill_ms);
  hub_.PostAt(now + std::chrono::milliseconds(std::clamp<uint64_t>(shortest / 10, 10, 1000)),
              [this] { Tick(); });
}

void Pool::CountReady() {
  ready_ = static_cast<unsigned>(std::count_if(
      instances_.begin(), instances_.end(),
      [](const auto& instance) { return instance->state() == InstanceState::kReady; }));
}

}  // namespace aiges
