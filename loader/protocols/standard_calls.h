// SPDX-License-Identifier: Apache-2.0
// loader/protocols/standard_calls.h: grpc.health.v1.Health, server reflection, and the questions of
// operators' tools (/utils.ToolBox/cmdserver).
//
// Threads: the lane's, all of it.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "loader/front/grpc_call.h"
#include "loader/protocols/engine_services.h"

namespace aiges {

// The services of the loader: reflection lists and describes them, health knows them, and those of
// the engine behind them. Reflection
// answers under its old name too, grpc.reflection.v1alpha.ServerReflection.
inline constexpr std::string_view kGrpcServices[] = {"utils.XsfCall",
                                                     "aiges.v1.Stream",
                                                     "utils.ToolBox",
                                                     "grpc.health.v1.Health",
                                                     "grpc.reflection.v1.ServerReflection",
                                                     "inference.GRPCInferenceService"};

class StandardServices {
 public:
  // A call that does not end by itself.
  class OpenCall {
   public:
    virtual ~OpenCall() = default;
    virtual void OnHealth() = 0;  // The health has changed. Ends no call.
    virtual void OnStop() = 0;
  };

  // `status`: the text of /status.json. Asked only after the first SetServing: then all is there
  // that it tells of.
  StandardServices(const GrpcEnv* grpc, std::function<std::string()> status)
      : grpc_(*grpc), status_(std::move(status)) {}

  // Answers the exchange where its path is one of these methods; `known`: it is. A head that
  // CheckGrpcHead has let pass.
  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange, bool* known);

  void SetServing(bool serving);
  // What the engine answers from now on. `health`: begins a call of a health service of its own,
  // which is asked for all names but "" and those of the loader. It may be empty.
  using BeginHealth = std::function<std::unique_ptr<Responder>(std::shared_ptr<Exchange>)>;
  void SetEngine(std::shared_ptr<const EngineServices> engine, BeginHealth health);
  // The service stops: calls that do not end by themselves must not keep it waiting.
  void EndCalls();

  bool serving() const { return serving_; }
  bool stopping() const { return stopping_; }
  const EngineServices& engine() const { return *engine_; }
  std::string StatusText() const { return started_ ? status_() : std::string(); }
  void Add(OpenCall* call) { calls_.insert(call); }
  void Remove(OpenCall* call) { calls_.erase(call); }

 private:
  std::unique_ptr<Responder> BeginOwn(std::shared_ptr<Exchange> exchange, bool* known);

  const GrpcEnv& grpc_;
  const std::function<std::string()> status_;
  bool serving_ = false, started_ = false, stopping_ = false;
  std::shared_ptr<const EngineServices> engine_ = std::make_shared<EngineServices>();
  BeginHealth engine_health_;
  std::set<OpenCall*> calls_;
};

// The answers, as serialised messages. `request` that is no such message: false.
bool AnswerHealth(std::string_view request, const StandardServices& services, bool watch,
                  GrpcStatus* status, std::string* answer);
bool AnswerReflection(std::string_view request, const EngineServices& engine, std::string* answer);
bool AnswerToolBox(std::string_view request, const StandardServices& services, GrpcStatus* status,
                   std::string* answer);

}  // namespace aiges
