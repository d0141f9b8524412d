// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/pool.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"

namespace aiges {
namespace {

constexpr size_t kMostMeterKeys = 1000;
// After SIGKILL, at the end of the drain.
constexpr std::chrono::milliseconds kKilled{500};

Status TooLarge() {
  return Status::Error(
      StatusKind::kInvalid,
      StrCat("larger than the ", kMaxFrame >> 20,
             " MB that go to a worker at once, and the shared memory is used up: send less"));
}

}  // namespace

std::unique_ptr<Pool> Pool::Create(const Settings& settings, const Ground& ground, Status* status) {
  auto memory = RequestMemory::Create(settings, status);
  if (memory == nullptr) return nullptr;
  return std::unique_ptr<Pool>(new Pool(settings, ground, std::move(memory)));
}

Pool::Pool(const Settings& settings, const Ground& ground, std::unique_ptr<RequestMemory> memory)
    : shared_hub_(*ground.hub),
      hub_(ground.hub, ground.clock),
      processes_(*ground.processes),
      clock_(*ground.clock),
      result_memory_bytes_(MessageMemoryBytes(settings)),
      memory_(std::move(memory)),
      settings_{settings.instances, settings.batch,  settings.sessions,
                settings.http,      settings.engine, Machine::Here(settings.instances)},
      resources_(settings.limits, this) {
  const unsigned count = settings.instances.count;
  for (unsigned place = 0; place < 2 * count; ++place) {
    instances_.push_back(std::make_unique<Instance>(place, place % count, clock_));
  }
  for (unsigned i = 0; i < count; ++i) {
    seats_.push_back({instances_[i].get(), instances_[count + i].get()});
    seats_.back().spare->set_paused(true);
  }
}

Pool::~Pool() { Leave(); }

void Pool::Leave() {
  hub_.Leave([this] {
    for (auto& instance : instances_) {
      if (const Process* process = instance->process()) {
        for (const int fd : {process->channel(), process->handle(), process->output()}) {
          hub_.Unwatch(fd);
        }
      }
      instance->Abandon();
    }
  });
}

void Pool::Start(WorkerEvents* events, OnStarted on_started) {
  StartOnHub(events, std::move(on_started));
  shared_hub_.Start();
}

void Pool::StartOnHub(WorkerEvents* events, OnStarted on_started) {
  Attach(events);
  StartWorkers(std::move(on_started));
}

void Pool::Attach(WorkerEvents* events) {
  events_ = events;
  hub_.OnAlarm([events](TimePoint now) { events->OnAlarm(now); });
}

void Pool::StartWorkers(OnStarted on_started) {
  hub_.Post([this, on_started = std::move(on_started)]() mutable {
    on_started_ = std::move(on_started);
    for (Seat& seat : seats_) StartInstance(*seat.active);
    Tick();
  });
}

bool Pool::Hopeful() const {
  if (stopping_) return true;  // What comes now is refused for that reason, not for the workers.
  return std::any_of(instances_.begin(), instances_.end(),
                     [](const auto& instance) { return instance->hopeful(); });
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
  return Slot(this, {best->place(), *generation, best->gpus()});
}

void Pool::SendOn(Place place, uint64_t call, const Request& request) {
  const Sent sent =
      instances_[place.instance]->Send(place.generation, call, request, memory_->arena());
  if (sent == Sent::kYes) return;
  hub_.Post([this, call, sent] {
    std::vector<WorkerResult> results(1);
    WorkerResult& lost = results.front();
    lost.call = call;
    lost.unsent = sent == Sent::kGone;
    lost.status = sent == Sent::kTooLarge ? TooLarge()
                                          : Status::Error(StatusKind::kDisconnected,
                                                          "worker died before it got the call");
    events_->OnResults(std::move(results));
  });
}

void Pool::GiveBack(Place place) { instances_[place.instance]->ReturnCredit(place.generation); }

void Pool::CancelCall(Place place, uint64_t call) {
  memory_->Cancel(call);
  instances_[place.instance]->CancelCall(place.generation, call);
}

void Pool::SendPart(Place place, uint64_t call, const Payload& part) {
  instances_[place.instance]->SendPart(place.generation, call, part);
}

void Pool::TookPart(Place place, uint64_t call, uint64_t bytes) {
  instances_[place.instance]->TookPart(place.generation, call, bytes);
}

void Pool::Answer(Place place, uint64_t call, NestedAnswer answer) {
  Instance& instance = *instances_[place.instance];
  instance.CallAnswer(place.generation, call, std::move(answer), memory_->arena());
  FlushTo(instance);
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
    best = Place{candidate.place(), *generation, candidate.gpus()};
    best_load = load;
  }
  return best;
}

bool Pool::OpenSession(Place place, uint64_t session, const SessionStart& start) {
  return instances_[place.instance]->OpenSession(place.generation, session, start) == Sent::kYes;
}

bool Pool::WriteSession(Place place, uint64_t session, const std::vector<Payload>& payloads) {
  const Sent sent = instances_[place.instance]->WriteSession(place.generation, session, payloads,
                                                             memory_->arena());
  if (sent == Sent::kTooLarge) {  // The session ends with that error.
    hub_.Post([this, session] {
      std::vector<SessionEvent> events(1);
      events.front().session = session;
      events.front().status = TooLarge();
      events_->OnSessionEvents(std::move(events));
    });
  }
  return sent != Sent::kGone;
}

void Pool::CreditSession(Place place, uint64_t session, unsigned items) {
  instances_[place.instance]->CreditSession(place.generation, session, items);
}

void Pool::CloseSession(Place place, uint64_t session) {
  memory_->Cancel(session);
  instances_[place.instance]->CloseSession(place.generation, session);
}

void Pool::Flush() {
  for (auto& instance : instances_) FlushTo(*instance);
}

void Pool::FlushTo(Instance& instance) {
  if (instance.Flush()) return;
  hub_.Post([this, &instance] {  // The socket is full: the hub goes on when it has room.
    if (instance.alive()) hub_.Modify(instance.process()->channel(), EPOLLIN | EPOLLOUT);
  });
}

void Pool::Load(Payload resource, std::function<void(Status, unsigned id)> done) {
  hub_.Post([this, resource = std::move(resource), done = std::move(done)]() mutable {
    resources_.Load(std::move(resource), std::move(done));
    Flush();
  });
}

void Pool::Unload(unsigned id, std::function<void(Status)> done) {
  hub_.Post([this, id, done = std::move(done)]() mutable {
    resources_.Unload(
        id, [done = std::move(done)](Status status, unsigned) { done(std::move(status)); });
    Flush();
  });
}

bool Pool::SendLoad(unsigned to, uint64_t resource, const Payload& payload) {
  return instances_[to]->LoadResource(resource, payload, memory_->arena()) == Sent::kYes;
}

bool Pool::SendUnload(unsigned to, uint64_t resource) {
  return instances_[to]->UnloadResource(resource) == Sent::kYes;
}

void Pool::Reject(unsigned reader, std::string why) {
  LogError("instances", "worker ", instances_[reader]->number(), ": ", why);
  instances_[reader]->set_kill_reason(std::move(why));
  KillAndLeave(*instances_[reader]);
}

std::shared_ptr<const std::string> Pool::Schema() const {
  MutexLock lock(mu_);
  return schema_;
}

std::shared_ptr<const std::string> Pool::Doors() const {
  MutexLock lock(mu_);
  return doors_;
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

void Pool::CountMeter(void* pool, uint64_t call, std::string_view key, int32_t count) {
  auto* self = static_cast<Pool*>(pool);
  if (call != 0 && count > 0) self->events_->OnMeter(call, key, static_cast<uint64_t>(count));
  MutexLock lock(self->mu_);
  auto& meters = self->meters_;
  const auto found = meters.find(std::string(key));
  if (found != meters.end()) {
    found->second += static_cast<uint64_t>(std::max(count, 0));
  } else if (meters.size() < kMostMeterKeys) {
    meters.emplace(key, std::max(count, 0));
  }
}

void Pool::EndLoads(TimePoint at) {
  hub_.PostAt(at, [this] {
    resources_.Stop(Status::Error(StatusKind::kDisconnected,
                                  "the service stops; drain_ms passed before the answer"));
  });
}

void Pool::Tidy() {
  hub_.Post([this] { processes_.Tidy(); });
}

void Pool::Drain(TimePoint until) {
  stopping_ = true;
  hub_.Post([this, until] {
    const Status stopped = Status::Error(StatusKind::kDisconnected, "the service stops");
    (void)roll_.Stop();
    EndReload(stopped);
    resources_.Stop(stopped);
    for (auto& instance : instances_) {
      if (!instance->alive()) continue;
      TellToFinish(*instance, until);
    }
    hub_.PostAt(until, [this] {
      for (auto& instance : instances_) {
        if (!instance->alive()) continue;
        LogWarn("instances", "worker ", instance->number(), " did not finish in time, killed");
        instance->Kill();
      }
    });
  });
  const TimePoint late = std::max(until, clock_.Now()) + kKilled;
  const auto all_gone = [this] {
    return std::all_of(instances_.begin(), instances_.end(),
                       [](const auto& instance) { return !instance->alive(); });
  };
  {
    MutexLock lock(mu_);
    while (!all_gone() && clock_.Now() < late) changed_.WaitUntil(mu_, late);
  }
  Leave();
}

}  // namespace aiges
