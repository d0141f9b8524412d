#include "loader/instances/pool.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "loader/base/log.h"

namespace aiges {
namespace {

constexpr size_t kMostMeterKeys = 1000;
static_assert(kSharedThreshold == kInlineLimit, "both sides share from the same size on");

// The shim reads these; the worker itself knows nothing of Python.
std::vector<std::string> WorkerEnvironment(const InstanceSettings& s) {
  std::string path;
  for (const std::string& folder : s.pythonpath) path += StrCat(folder, ":");
  if (const char* inherited = std::getenv("PYTHONPATH")) path += StrCat(inherited, ":");
  path += ".";  // wrapper.py in the current folder works without any setting.
  std::vector<std::string> all{StrCat("AIGES_PYTHON=", s.python), StrCat("PYTHONPATH=", path)};
  if (!s.config_folder.empty()) all.push_back(StrCat("AIGES_CONFIG_DIR=", s.config_folder));
  return all;
}

}  // namespace

std::unique_ptr<Pool> Pool::Create(const Settings& settings, Status* status) {
  // Room for everything that may wait, and for the largest messages in work. Address space only:
  // pages exist once they are written.
  const size_t capacity = std::max(settings.queue.max_bytes, 4 * settings.limits.max_message_bytes);
  auto memory = Arena::Create("aiges-requests", capacity, status);
  if (memory == nullptr) return nullptr;
  return std::unique_ptr<Pool>(new Pool(settings, std::move(memory)));
}

Pool::Pool(const Settings& settings, std::unique_ptr<Arena> memory)
    : settings_(settings.instances),
      batch_(settings.batch),
      sessions_(settings.sessions),
      result_memory_bytes_(std::max(settings.queue.max_bytes,
                                    4 * settings.limits.max_message_bytes)),
      engine_config_(settings.engine),
      memory_(std::move(memory)) {
  // Never freed: workers look at it until they end. There is room in an arena that is new.
  board_ = reinterpret_cast<std::atomic<uint64_t>*>(
      memory_->Allocate(kCancelSlots * sizeof *board_, &board_offset_));
  const unsigned count = settings_.count;
  for (unsigned place = 0; place < 2 * count; ++place) {
    instances_.push_back(std::make_unique<Instance>(place, place % count));
  }
  for (unsigned i = 0; i < count; ++i) {
    seats_.push_back({instances_[i].get(), instances_[count + i].get()});
    seats_[i].spare->set_paused(true);
  }
}

Pool::~Pool() { hub_.Stop(); }

void Pool::Start(WorkerEvents* events) {
  events_ = events;
  hub_.Start([this](TimePoint now) { events_->OnAlarm(now); });
  hub_.Post([this] {
    for (Seat& seat : seats_) StartInstance(*seat.active);
    Tick();
  });
}

std::string Pool::InitFrame() const {
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kInit, 0);
  w.KeyValues(engine_config_);
  w.Number(static_cast<uint32_t>(settings_.threads));
  w.Number(static_cast<uint8_t>(sessions_.async_mode));
  w.Number(static_cast<uint8_t>(sessions_.real_time_results));
  w.Number(uint32_t{batch_.max_size});
  w.Number(uint64_t{batch_.max_delay_us});
  w.Number(board_offset_);
  w.End();
  return frame;
}

void Pool::StartInstance(Instance& instance) {
  if (stopping_) return;
  instance.set_paused(false);
  SpawnPlan plan;
  plan.binary = settings_.worker_binary;
  plan.instance = instance.number();
  plan.environment = WorkerEnvironment(settings_);
  plan.request_memory = memory_.get();
  plan.result_memory_bytes = result_memory_bytes_;
  plan.numa_node = settings_.numa_node;
  plan.library = settings_.library;
  plan.folders = settings_.pythonpath;
  const Status status =
      instance.Start(plan, InitFrame(), settings_.threads, batch_.max_size);
  if (!status.ok()) {
    if (IsSpare(instance)) return OnSpareGone(instance, status.text);
    if (!OnStartFailed(instance, status.text)) Restart(instance);
    return;
  }
  for (const auto& [id, resource] : resources_) instance.LoadResource(id, resource, *memory_);
  Supervise(instance);
}

void Pool::Supervise(Instance& instance) {
  WorkerProcess* process = instance.process();
  hub_.Watch(process->output(), EPOLLIN, [this, &instance](uint32_t events) {
    instance.OnOutput();
    if ((events & EPOLLHUP) != 0) hub_.Unwatch(instance.process()->output());
  });
  hub_.Watch(process->handle(), EPOLLIN, [this, &instance](uint32_t) {
    if (OnInput(instance)) OnGone(instance);  // Answers that it gave before it died count.
  });
  hub_.Watch(process->channel(), EPOLLIN, [this, &instance](uint32_t events) {
    if ((events & EPOLLOUT) != 0 && instance.Flush()) {
      hub_.Modify(instance.process()->channel(), EPOLLIN);
    }
    if ((events & ~uint32_t{EPOLLOUT}) != 0) OnInput(instance);
  });
  if (!instance.Flush()) hub_.Modify(process->channel(), EPOLLIN | EPOLLOUT);
}

bool Pool::OnInput(Instance& instance) {
  Instance::Input input = instance.OnChannel(&CountMeter, this);
  if (input.became_ready) {
    CountReady();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - instance.started());
    LogInfo("instances", "worker ", instance.number(), " is ready after ", ms.count(), " ms: ",
            instance.Report().plugin);
    {
      MutexLock lock(mu_);
      served_ = true;
      if (*schema_ != input.schema) {
        schema_ = std::make_shared<const std::string>(std::move(input.schema));
      }
      changed_.NotifyAll();
    }
    if (IsSpare(instance)) Swap(instance);
    events_->OnCapacity();
  }
  Report(&input);
  for (const auto& answer : input.loaded) OnLoaded(instance, answer);
  if (input.gone) {
    OnGone(instance);
  } else if (instance.retiring()) {
    FinishIfEmpty(instance);
  }
  return !input.gone;
}

void Pool::OnGone(Instance& instance) {
  WorkerProcess* process = instance.process();
  const bool starting = instance.state() == InstanceState::kStarting;
  // Read what is left, then forget the descriptors before they are closed.
  for (;;) {
    Instance::Input rest = instance.OnChannel(&CountMeter, this);
    const bool more = !(rest.results.empty() && rest.sessions.empty()) && !rest.gone;
    Report(&rest);
    if (!more) break;
  }
  hub_.Unwatch(process->channel());
  hub_.Unwatch(process->handle());
  hub_.Unwatch(process->output());
  std::string why;
  const bool wanted = stopping_ || instance.retiring();
  Instance::Input lost = instance.OnDeath(wanted, &why);
  CountReady();
  ForgetLoads(instance);
  if (!wanted || !lost.results.empty() || !lost.sessions.empty()) {
    const std::string end = StrCat(starting ? "did not start: " : "died: ", why);
    events_->OnDeath({instance.number(), end, instance.last_output()});
    LogError("instances", "worker ", instance.number(), " ", end,
             lost.results.empty() ? "" : StrCat(" (", lost.results.size(), " calls were in it)"),
             lost.sessions.empty() ? ""
                                   : StrCat(" (", lost.sessions.size(), " sessions were in it)"));
  }
  if (IsSpare(instance)) {
    OnSpareGone(instance, why);
  } else {
    const bool hopeless = starting && OnStartFailed(instance, why);
    if (!stopping_ && !hopeless) Restart(instance);
  }
  Report(&lost);
  if (ready_ == 0) events_->OnCapacity();  // Lets waiting calls be told that nobody serves them.
  MutexLock lock(mu_);
  changed_.NotifyAll();
}

void Pool::Report(Instance::Input* input) {
  if (!input->results.empty()) events_->OnResults(std::move(input->results));
  if (!input->sessions.empty()) events_->OnSessionEvents(std::move(input->sessions));
}

bool Pool::OnStartFailed(const Instance& instance, const std::string& why) {
  MutexLock lock(mu_);
  failed_.insert(instance.number());
  if (served_ || failed_.size() < seats_.size()) return false;
  if (!start_failure_) start_failure_ = Status::Error(StatusKind::kInternal, why);
  changed_.NotifyAll();
  return true;
}

void Pool::Restart(Instance& instance) {
  const TimePoint now = std::chrono::steady_clock::now();
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

void Pool::Tick() {
  const TimePoint now = std::chrono::steady_clock::now();
  const auto start_limit = std::chrono::milliseconds(settings_.start_timeout_ms);
  const auto hang_limit = std::chrono::milliseconds(settings_.hang_kill_ms);
  uint64_t shortest = settings_.start_timeout_ms;
  if (settings_.hang_kill_ms > 0) shortest = std::min(shortest, settings_.hang_kill_ms);
  Recycle();
  for (auto& owned : instances_) {
    Instance& instance = *owned;
    if (instance.state() == InstanceState::kStarting && now - instance.started() > start_limit) {
      instance.set_kill_reason(StrCat("not ready within start_timeout_ms=",
                                      settings_.start_timeout_ms, ", killed"));
      instance.Kill();
    } else if (instance.state() == InstanceState::kReady && settings_.hang_kill_ms > 0 &&
               instance.WithoutProgress(now) > hang_limit) {
      instance.set_kill_reason(StrCat("no progress within hang_kill_ms=", settings_.hang_kill_ms,
                                      ", killed"));
      instance.Kill();
    }
  }
  hub_.PostAt(now + std::chrono::milliseconds(std::clamp<uint64_t>(shortest / 10, 10, 1000)),
              [this] { Tick(); });
}

void Pool::CountReady() {
  ready_ = static_cast<unsigned>(
      std::count_if(instances_.begin(), instances_.end(), [](const auto& instance) {
        return instance->state() == InstanceState::kReady;
      }));
}

bool Pool::Hopeful() const {
  return std::any_of(instances_.begin(), instances_.end(),
                     [](const auto& instance) { return !instance->paused(); });
}

Status Pool::WaitServing() {
  MutexLock lock(mu_);
  while (!served_ && !start_failure_) changed_.Wait(mu_);
  return served_ ? Status::Ok() : *start_failure_;
}

std::optional<Slot> Pool::Reserve() {
  // The instance with the fewest calls in it; ties go round, so that none stays cold.
  const size_t n = instances_.size();
  const size_t first = n > 1 ? next_.fetch_add(1, std::memory_order_relaxed) : 0;
  Instance* best = nullptr;
  unsigned best_outstanding = 0;
  for (size_t i = 0; i < n; ++i) {
    Instance& candidate = *instances_[(first + i) % n];
    unsigned outstanding = 0;
    if (candidate.FreeCredit(&outstanding) == 0) continue;
    if (best == nullptr || outstanding < best_outstanding) {
      best = &candidate;
      best_outstanding = outstanding;
    }
  }
  if (best == nullptr) return std::nullopt;
  const std::optional<uint64_t> generation = best->TakeCredit();
  if (!generation) return std::nullopt;
  return Slot(this, {best->place(), *generation});
}

void Pool::SendOn(Place place, uint64_t call, const Request& request) {
  if (instances_[place.instance]->Send(place.generation, call, request, *memory_)) return;
  hub_.Post([this, call] {
    WorkerResult lost;
    lost.call = call;
    lost.unsent = true;
    lost.status = Status::Error(StatusKind::kDisconnected, "worker died before it got the call");
    std::vector<WorkerResult> results;
    results.push_back(std::move(lost));
    events_->OnResults(std::move(results));
  });
}

void Pool::GiveBack(Place place) { instances_[place.instance]->ReturnCredit(place.generation); }

void Pool::CancelCall(Place place, uint64_t call) {
  board_[call % kCancelSlots].store(call, std::memory_order_relaxed);
  instances_[place.instance]->CancelCall(place.generation, call);
}

std::optional<Place> Pool::PlaceSession() {
  const size_t n = instances_.size();
  const size_t first = next_.fetch_add(1, std::memory_order_relaxed);
  std::optional<Place> best;
  unsigned best_load = 0;
  for (size_t i = 0; i < n; ++i) {
    const Instance& candidate = *instances_[(first + i) % n];
    unsigned load = 0;
    const std::optional<uint64_t> generation = candidate.PlaceSession(&load);
    if (!generation || (best && load >= best_load)) continue;
    best = Place{candidate.place(), *generation};
    best_load = load;
  }
  return best;
}

bool Pool::OpenSession(Place place, uint64_t session, const SessionStart& start) {
  return instances_[place.instance]->OpenSession(place.generation, session, start);
}

bool Pool::WriteSession(Place place, uint64_t session, const std::vector<Payload>& payloads) {
  return instances_[place.instance]->WriteSession(place.generation, session, payloads, *memory_);
}

void Pool::CreditSession(Place place, uint64_t session, unsigned items) {
  instances_[place.instance]->CreditSession(place.generation, session, items);
}

void Pool::CloseSession(Place place, uint64_t session) {
  board_[session % kCancelSlots].store(session, std::memory_order_relaxed);
  instances_[place.instance]->CloseSession(place.generation, session);
}

void Pool::Flush() {
  for (auto& instance : instances_) {
    if (instance->Flush()) continue;
    hub_.Post([this, &instance] {  // The socket is full: the hub goes on when it has room.
      if (instance->alive()) {
        hub_.Modify(instance->process()->channel(), EPOLLIN | EPOLLOUT);
      }
    });
  }
}

Buffer Pool::Allocate(size_t size) {
  if (size >= kSharedThreshold) {
    uint64_t offset = 0;
    if (char* data = memory_->Allocate(size, &offset)) {
      struct Run {
        std::shared_ptr<Arena> arena;
        uint64_t offset;
        ~Run() { arena->Free(offset); }
      };
      return {data, size, std::shared_ptr<const Run>(new Run{memory_, offset})};
    }
  }
  std::shared_ptr<char[]> heap(new char[size + 1]);
  char* data = heap.get();
  return {data, size, std::move(heap)};
}

std::shared_ptr<const std::string> Pool::Schema() const {
  MutexLock lock(mu_);
  return schema_;
}

InstancesReport Pool::Report() const {
  InstancesReport report;
  const size_t count = instances_.size() / 2;
  for (size_t i = 0; i < count; ++i) {
    // Both of a seat as one: what serves, or is on its way to.
    InstanceReport first = instances_[i]->Report(), second = instances_[count + i]->Report();
    if (second.state == InstanceState::kReady || (first.pid < 0 && second.pid > 0)) {
      std::swap(first, second);
    }
    first.starts += second.starts;
    first.calls += second.calls;
    if (first.last_error.empty()) first.last_error = second.last_error;
    report.instances.push_back(std::move(first));
  }
  MutexLock lock(mu_);
  report.meters = meters_;
  return report;
}

void Pool::CountMeter(void* pool, std::string_view key, int32_t count) {
  auto* self = static_cast<Pool*>(pool);
  MutexLock lock(self->mu_);
  auto& meters = self->meters_;
  const auto found = meters.find(std::string(key));
  if (found != meters.end()) {
    found->second += static_cast<uint64_t>(std::max(count, 0));
  } else if (meters.size() < kMostMeterKeys) {
    meters.emplace(key, std::max(count, 0));
  }
}

void Pool::Drain(TimePoint until) {
  stopping_ = true;
  {
    MutexLock lock(mu_);
    if (!start_failure_) start_failure_ = Status::Error(StatusKind::kInternal, "was stopped");
    changed_.NotifyAll();  // Somebody may wait for the start.
  }
  hub_.Post([this, until] {
    EndReload(Status::Error(StatusKind::kDisconnected, "the service stops"));
    for (auto& instance : instances_) {
      if (!instance->alive()) continue;
      TellToFinish(*instance);
    }
    hub_.PostAt(until, [this] {
      for (auto& instance : instances_) {
        if (!instance->alive()) continue;
        LogWarn("instances", "worker ", instance->number(), " did not finish in time, killed");
        instance->Kill();
      }
    });
  });
  const auto all_gone = [this] {
    return std::all_of(instances_.begin(), instances_.end(),
                       [](const auto& instance) { return !instance->alive(); });
  };
  {
    MutexLock lock(mu_);
    while (!all_gone()) changed_.Wait(mu_);
  }
  hub_.Stop();
}

}  // namespace aiges
