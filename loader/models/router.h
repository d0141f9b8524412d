// SPDX-License-Identifier: Apache-2.0
// loader/models/router.h: Service and Sessions over all models: each call finds the engine of its
// model, and whatever follows finds it by the number of the call.
//
// Threads: thread-safe, as the interfaces say.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "loader/api/buffers.h"
#include "loader/api/resources.h"
#include "loader/api/service.h"
#include "loader/api/session.h"
#include "loader/base/mutex.h"
#include "loader/models/catalogue.h"

namespace aiges {

class Router final : public Service, public Sessions, public BufferPool, public Resources {
 public:
  // The catalogue outlives the router.
  explicit Router(Catalogue* catalogue) : catalogue_(*catalogue) {}

  CallId Submit(Request request, std::unique_ptr<ReplySink> sink) override;
  void Flush() override;
  void Abort(uint64_t id) override;  // Of a call or a session.
  void SendPart(CallId id, Payload part) override;
  void TookPart(CallId id, uint64_t bytes) override;
  bool Ready() const override { return catalogue_.Ready(); }
  LoadReport Load() const override;

  Status Open(SessionRequest request, SessionId* id) override;
  Status Write(SessionId id, int sync_id, std::vector<Payload> payloads,
               std::function<void()> taken) override;
  void Poll(SessionId id, size_t max_batches, TimePoint until,
            std::unique_ptr<OutputSink> sink) override;
  void EndPoll(SessionId id) override;
  Status Find(const std::string& handle, SessionId* id) override;

  // Of one model that is there for good, its own; else of nobody, and what lies there is copied
  // once more, into that of its model, when it is known which that is.
  Buffer Allocate(size_t size) override;

  // Of the default model.
  void Load(Payload resource, std::function<void(Status, unsigned id)> done) override;
  void Unload(unsigned id, std::function<void(Status)> done) override;

 private:
  std::shared_ptr<Engine> Use(const ModelRef& model, Status* why) const;
  std::shared_ptr<Engine> Of(uint64_t id) const {
    return catalogue_.EngineOf(Engine::NumberOf(id));
  }
  void Touch(const std::shared_ptr<Engine>& engine);
  void Share(Engine* engine, std::vector<Payload>* payloads) const;

  Catalogue& catalogue_;
  Mutex mu_;
  std::vector<std::shared_ptr<Engine>> touched_ GUARDED_BY(mu_);  // Since the last Flush.
};

}  // namespace aiges
