// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/standard_calls.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <nlohmann/json.hpp>

#include "health.pb.h"
#include "loader/base/strings.h"
#include "loader/protocols/health_switch.h"
#include "toolbox.pb.h"

namespace aiges {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr std::string_view kCheckPath = "/grpc.health.v1.Health/Check";
constexpr std::string_view kWatchPath = "/grpc.health.v1.Health/Watch";
constexpr std::string_view kReflectionPaths[] = {
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"};
constexpr std::string_view kToolBoxPath = "/utils.ToolBox/cmdserver";

GrpcStatus NoRequest(std::string_view path) {
  return {GrpcCode::kInvalidArgument, StrCat("the message is not a request of ", path)};
}
bool IsLoaders(std::string_view service) {
  return service.empty() || std::find(std::begin(kGrpcServices), std::end(kGrpcServices),
                                      service) != std::end(kGrpcServices);
}

GrpcStatus Stops() { return {GrpcCode::kUnavailable, "the service stops"}; }

// One question, one answer.
class AskCall final : public GrpcCall {
 public:
  using Ask = bool (*)(std::string_view, const StandardServices&, GrpcStatus*, std::string*);

  AskCall(std::shared_ptr<Exchange> exchange, const GrpcEnv* grpc, const StandardServices* services,
          Ask ask)
      : GrpcCall(std::move(exchange), Kind::kUnary, grpc), services_(*services), ask_(ask) {}

 private:
  void OnMessage(Bytes message) override {
    std::string answer;
    GrpcStatus status;
    if (!ask_(message.view(), services_, &status, &answer)) return Finish(NoRequest(head().path()));
    if (status.ok()) Send({Bytes::Own(std::move(answer))});
    Finish(status);
  }
  void OnOver(Over) override {}

  const StandardServices& services_;
  const Ask ask_;
};

class WatchCall final : public GrpcCall, public StandardServices::OpenCall {
 public:
  WatchCall(std::shared_ptr<Exchange> exchange, const GrpcEnv* grpc, StandardServices* services)
      : GrpcCall(std::move(exchange), Kind::kStream, grpc), services_(*services) {
    services_.Add(this);
  }

  void OnHealth() override {
    if (asked_) Tell();
  }
  void OnStop() override { Finish(Stops()); }

 private:
  void OnMessage(Bytes message) override {
    if (std::exchange(asked_, true)) return;
    request_ = message.view();
    Tell();
  }
  void OnMessagesEnd() override {
    if (!asked_) Finish({GrpcCode::kInvalidArgument, "no request message"});
  }
  void OnOver(Over) override { services_.Remove(this); }

  void Tell() {
    std::string answer;
    GrpcStatus status;
    if (!AnswerHealth(request_, services_, /*watch=*/true, &status, &answer)) {
      return Finish(NoRequest(head().path()));
    }
    if (answer == last_) return;
    last_ = answer;
    Send({Bytes::Own(std::move(answer))});
  }

  StandardServices& services_;
  std::string request_, last_;
  bool asked_ = false;
};

class ReflectionCall final : public GrpcCall, public StandardServices::OpenCall {
 public:
  ReflectionCall(std::shared_ptr<Exchange> exchange, const GrpcEnv* grpc,
                 StandardServices* services)
      : GrpcCall(std::move(exchange), Kind::kStream, grpc), services_(*services) {
    services_.Add(this);
  }

  void OnHealth() override {}
  void OnStop() override { Finish(Stops()); }

 private:
  // Questions are short and answers long: those who take none are not answered without end.
  void OnMessage(Bytes message) override {
    waiting_.push_back(std::move(message));
    Next();
  }
  void OnMessagesEnd() override {
    ends_ = true;
    Next();
  }
  void OnWritable() override {
    full_ = false;
    Next();
  }
  void OnOver(Over) override { services_.Remove(this); }

  void Next() {
    while (!full_ && !waiting_.empty()) {
      std::string answer;
      if (!AnswerReflection(waiting_.front().view(), services_.engine(), &answer)) {
        waiting_.clear();
        return Finish(NoRequest(head().path()));
      }
      waiting_.pop_front();
      full_ = !Send({Bytes::Own(std::move(answer))});
    }
    if (full_) return Pause();
    Resume();
    if (ends_) Finish({});
  }

  StandardServices& services_;
  std::deque<Bytes> waiting_;
  bool full_ = false, ends_ = false;
};

}  // namespace

bool AnswerHealth(std::string_view request_bytes, const StandardServices& services, bool watch,
                  GrpcStatus* status, std::string* answer) {
  HealthCheckRequest request;
  if (!request.ParseFromArray(request_bytes.data(), static_cast<int>(request_bytes.size()))) {
    return false;
  }
  HealthCheckResponse response;
  const std::string& name = request.service();
  const bool known = IsLoaders(name) || services.engine().Has(name);
  if (known) {
    response.set_status(services.serving() ? HealthCheckResponse::SERVING
                                           : HealthCheckResponse::NOT_SERVING);
  } else if (watch) {
    response.set_status(HealthCheckResponse::SERVICE_UNKNOWN);
  } else {
    *status = {GrpcCode::kNotFound,
               StrCat("no service \"", request.service(), "\"; ask for \"\" or utils.XsfCall")};
  }
  return response.SerializeToString(answer);
}

bool AnswerToolBox(std::string_view request_bytes, const StandardServices& services,
                   GrpcStatus* status, std::string* answer) {
  utils::Request request;
  if (!request.ParseFromArray(request_bytes.data(), static_cast<int>(request_bytes.size()))) {
    return false;
  }
  const auto query = nlohmann::json::parse(request.query(), nullptr, false);
  const auto cmd = query.is_object() ? query.find("cmd") : query.end();
  if (cmd == query.end() || !cmd->is_string()) {
    *status = {GrpcCode::kInvalidArgument,
               "expected query to be {\"cmd\":\"health\"} or {\"cmd\":\"status\"}"};
    return true;
  }
  utils::Response response;
  response.set_headers(R"({"Content-Type":"application/json"})");
  if (*cmd == "health") {
    response.set_body(services.serving() ? R"({"status":"SERVING"})"
                                         : R"({"status":"NOT_SERVING"})");
  } else if (*cmd == "status") {
    response.set_body(services.StatusText());
    if (response.body().empty()) {
      *status = {GrpcCode::kUnavailable, "the engine starts; there is no status yet"};
    }
  } else {
    *status = {GrpcCode::kUnimplemented,
               StrCat("no cmd ", cmd->dump(), "; there are health and status")};
  }
  return response.SerializeToString(answer);
}

std::unique_ptr<Responder> StandardServices::Begin(std::shared_ptr<Exchange> exchange,
                                                   bool* known) {
  const std::string_view path = exchange->head().path();
  if (!engine_health_ || (path != kCheckPath && path != kWatchPath)) {
    return BeginOwn(std::move(exchange), known);
  }
  return MakeHealthSwitch(exchange, [this, exchange](const std::optional<std::string>& service) {
    bool is_known = true;
    if (service && !IsLoaders(*service) && engine_health_) return engine_health_(exchange);
    return BeginOwn(exchange, &is_known);
  });
}

std::unique_ptr<Responder> StandardServices::BeginOwn(std::shared_ptr<Exchange> exchange,
                                                      bool* known) {
  const std::string_view path = exchange->head().path();
  *known = true;
  if (path == kCheckPath) {
    return std::make_unique<AskCall>(std::move(exchange), &grpc_, this,
                                     [](std::string_view request, const StandardServices& services,
                                        GrpcStatus* status, std::string* answer) {
                                       return AnswerHealth(request, services, /*watch=*/false,
                                                           status, answer);
                                     });
  }
  if (path == kToolBoxPath) {
    return std::make_unique<AskCall>(std::move(exchange), &grpc_, this, AnswerToolBox);
  }
  const bool watch = path == kWatchPath;
  *known = watch || path == kReflectionPaths[0] || path == kReflectionPaths[1];
  if (!*known) return nullptr;
  if (stopping_) {
    RefuseGrpc(exchange.get(), Stops());
    return nullptr;
  }
  if (watch) return std::make_unique<WatchCall>(std::move(exchange), &grpc_, this);
  return std::make_unique<ReflectionCall>(std::move(exchange), &grpc_, this);
}

void StandardServices::SetServing(bool serving) {
  serving_ = serving;
  started_ = true;
  for (OpenCall* call : calls_) call->OnHealth();
}

void StandardServices::SetEngine(std::shared_ptr<const EngineServices> engine, BeginHealth health) {
  engine_ = std::move(engine);
  engine_health_ = std::move(health);
  for (OpenCall* call : calls_) call->OnHealth();
}

void StandardServices::EndCalls() {
  stopping_ = true;
  for (OpenCall* call : calls_) call->OnStop();
}

}  // namespace aiges
