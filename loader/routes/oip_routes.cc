// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/oip_routes.h"

#include <string>
#include <utility>
#include <vector>

#include "loader/api/codes.h"
#include "loader/base/strings.h"
#include "loader/front/http_exchange.h"
#include "loader/protocols/admin_rights.h"
#include "loader/protocols/oip/grpc_calls.h"
#include "loader/protocols/oip/rest_codec.h"
#include "loader/routes/access.h"
#include "loader/routes/http_owner.h"

namespace aiges {
namespace {

constexpr const char* kName = "the Open Inference Protocol";

class RestOwner final : public RouteOwner {
 public:
  RestOwner(Need need, FrontLane* lane, HttpHandler answer)
      : RouteOwner(kName, need), lane_(*lane), answer_(std::move(answer)) {}

  void Refuse(Exchange* exchange, const Status& why) override {
    HttpResponse r = oip::RestError(why);
    AddChallenges(exchange->head(), why, /*page=*/false, &r);
    Answer(exchange, std::move(r));
  }
  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override {
    if (exchange->head().websocket) return BeginHttp(std::move(exchange), &lane_);
    return MakeHttpExchange(
        std::move(exchange), &lane_,
        [](int status, std::string_view text, int) { return oip::RestError(status, text); });
  }
  const HttpHandler* whole() const override { return &answer_; }

 private:
  FrontLane& lane_;
  const HttpHandler answer_;
};

class GrpcOwner final : public RouteOwner {
 public:
  GrpcOwner(Need need, GrpcServices* env, oip::Server* server)
      : RouteOwner(kName, need), changes_(need == Need::kAdmin), env_(*env), server_(*server) {}

  void Refuse(Exchange* exchange, const Status& why) override { RefuseGrpcAccess(exchange, why); }
  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override {
    if (!CheckGrpcHead(exchange.get())) return nullptr;
    if (changes_) {
      const Status may = MayChange(AdminAsk::Of(*exchange), server_.settings().service.admin_token,
                                   AdminFrom::kAnywhere, exchange->head().path());
      if (!may.ok()) {
        RefuseGrpc(exchange.get(), {GrpcCode::kPermissionDenied, may.text});
        return nullptr;
      }
    }
    bool known = true;
    std::unique_ptr<Responder> responder = oip::BeginGrpc(exchange, &env_, &server_, &known);
    if (!known) {
      RefuseGrpc(exchange.get(),
                 {GrpcCode::kUnimplemented, StrCat("no method ", exchange->head().path(), "; ",
                                                   oip::kGrpcService, " has no such method")});
    }
    return responder;
  }
  bool is_grpc() const override { return true; }

 private:
  const bool changes_;
  GrpcServices& env_;
  oip::Server& server_;
};

}  // namespace

Status OipRoutes::Claim() {
  const Status status = ClaimRest();
  return status.ok() ? ClaimGrpc() : status;
}

Status OipRoutes::ClaimRest() {
  const Hold hold = env_.lane.settings.http.app_paths ? Hold::kYields : Hold::kFirm;
  const auto claim = [this, hold](Need need, const std::vector<const char*>& paths) {
    std::vector<RouteTable::Pattern> patterns;
    for (const char* path : paths) patterns.emplace_back(path, hold);
    return table_.Claim(patterns, std::make_shared<RestOwner>(
                                      need, &env_.lane, [this](HttpRequest request, HttpDone done) {
                                        return rest_.Handle(std::move(request), std::move(done));
                                      }));
  };
  Status status = claim(Need::kNothing, {"/v2/health/live", "/v2/health/ready", "/v2/health/live/",
                                         "/v2/health/ready/", "/v2/models/{model}/ready",
                                         "/v2/models/{model}/versions/{version}/ready"});
  if (!status.ok()) return status;
  status = claim(
      Need::kKey,
      {"/v2", "/v2/", "/v2/health/{rest..}", "/v2/models", "/v2/models/{rest..}",
       "/v2/repository/index", "/v2/repository/{repository}/index", "/v2/systemsharedmemory/status",
       "/v2/systemsharedmemory/region/{name}/status", "/v2/cudasharedmemory/status",
       "/v2/cudasharedmemory/region/{name}/status", "/v2/trace/{rest..}", "/v2/logging"});
  if (!status.ok()) return status;
  status = claim(Need::kAdmin, {"/v2/repository/{rest..}", "/v2/systemsharedmemory/{rest..}",
                                "/v2/cudasharedmemory/{rest..}"});
  if (!status.ok()) return status;
  return claim(Need::kCall,
               {"/v2/models/{model}/infer", "/v2/models/{model}/generate",
                "/v2/models/{model}/generate_stream", "/v2/models/{model}/versions/{version}/infer",
                "/v2/models/{model}/versions/{version}/generate",
                "/v2/models/{model}/versions/{version}/generate_stream"});
}

Status OipRoutes::ClaimGrpc() {
  const auto claim = [this](Need need, const std::vector<const char*>& methods) {
    std::vector<RouteTable::Pattern> patterns;
    for (const char* method : methods) {
      patterns.emplace_back(StrCat('/', oip::kGrpcService, '/', method), Hold::kFirm);
    }
    return table_.Claim(patterns, std::make_shared<GrpcOwner>(need, &env_, &server_));
  };
  Status status = claim(Need::kNothing, {"ServerLive", "ServerReady", "ModelReady"});
  if (status.ok()) status = claim(Need::kCall, {"ModelInfer", "ModelStreamInfer"});
  if (status.ok()) {
    status = claim(Need::kAdmin,
                   {"RepositoryModelLoad", "RepositoryModelUnload", "SystemSharedMemoryRegister",
                    "SystemSharedMemoryUnregister", "CudaSharedMemoryRegister",
                    "CudaSharedMemoryUnregister", "TraceSetting", "LogSettings"});
  }
  return status.ok() ? claim(Need::kKey, {"{method}"}) : status;
}

}  // namespace aiges
