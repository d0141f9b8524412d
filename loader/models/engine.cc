// SPDX-License-Identifier: Apache-2.0
#include "loader/models/engine.h"

#include <thread>
#include <utility>

namespace aiges {
namespace {

constexpr std::chrono::milliseconds kLook{2};
// For wrapperDestroy and wrapperFini, once all is answered.
constexpr std::chrono::seconds kEndTime{1};

}  // namespace

Engine::Engine(Settings settings, TimePoint made) : settings_(std::move(settings)), made_(made) {}

std::shared_ptr<Engine> Engine::Make(const std::string& name, const Settings& settings,
                                     uint64_t number, const Ground& ground, Status* status) {
  std::shared_ptr<Engine> engine(new Engine(settings, ground.pool.clock->Now()));
  engine->pool_ = Pool::Create(engine->settings_, ground.pool, status);
  if (engine->pool_ == nullptr) return nullptr;
  engine->scheduler_ = std::make_unique<Scheduler>(
      engine->settings_, engine->pool_.get(), ground.pool.clock,
      Scheduler::Shared{number << kIdBits, ground.shares, ground.failures, ground.calls,
                        ground.gate, ground.version});
  if (ground.nested != nullptr) engine->scheduler_->UseNested(ground.nested, name);
  engine->pool_->Attach(engine->scheduler_.get());
  return engine;
}

// One that Finish was not called for had no worker yet. The pool must leave the hub before what its
// alarm asks is gone.
Engine::~Engine() {
  if (pool_ != nullptr) pool_->Drain(std::chrono::steady_clock::now());
}

void Engine::Finish(TimePoint until, const Status& why) {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  while (!scheduler_->Idle() && now() < until) std::this_thread::sleep_for(kLook);
  if (!scheduler_->Idle()) scheduler_->Close(why);
  pool_->Drain(std::max(until, now() + kEndTime));
}

}  // namespace aiges
