// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/exchange_routes.h"

#include <functional>
#include <utility>
#include <vector>

#include "loader/access/signature.h"
#include "loader/api/codes.h"
#include "loader/base/strings.h"
#include "loader/front/http_exchange.h"
#include "loader/protocols/grpc_web.h"
#include "loader/protocols/http_answer.h"
#include "loader/protocols/once.h"
#include "loader/protocols/stream_call.h"
#include "loader/protocols/xsf_call.h"
#include "loader/routes/access_log.h"
#include "loader/routes/http_owner.h"
#include "loader/routes/limited_exchange.h"
#include "loader/routes/signed_exchange.h"

namespace aiges {
namespace {

constexpr std::string_view kXsfPath = "/utils.XsfCall/call";
constexpr std::string_view kHealthPath = "/grpc.health.v1.Health/";
constexpr std::string_view kStreamPath = "/aiges.v1.Stream/Run";

GrpcStatus NoMethod(std::string_view path) {
  return {GrpcCode::kUnimplemented,
          StrCat("no method ", path, "; there are ", kXsfPath, ", ", kStreamPath,
                 ", /utils.ToolBox/cmdserver, grpc.health.v1.Health and "
                 "grpc.reflection.v1.ServerReflection")};
}

// Who asks at one of these paths means gRPC, whatever they say.
class GrpcOwner final : public RouteOwner {
 public:
  // Begins a call of a method that is there; `known`: it is.
  using Serve = std::function<std::unique_ptr<Responder>(std::shared_ptr<Exchange>, bool* known)>;

  GrpcOwner(Need need, Serve serve) : RouteOwner("the loader", need), serve_(std::move(serve)) {}

  void Refuse(Exchange* exchange, const Status& why) override { RefuseGrpcAccess(exchange, why); }

  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override {
    if (!CheckGrpcHead(exchange.get())) return nullptr;
    bool known = true;
    std::unique_ptr<Responder> responder = serve_(exchange, &known);
    if (!known) RefuseGrpc(exchange.get(), NoMethod(exchange->head().path()));
    return responder;
  }
  bool is_grpc() const override { return true; }

 private:
  const Serve serve_;
};

std::vector<RouteTable::Pattern> PatternsOf(const std::vector<std::string_view>& services) {
  std::vector<RouteTable::Pattern> patterns;
  for (const std::string_view service : services) {
    patterns.emplace_back(StrCat("/", service, "/{method}"), Hold::kFirm);
  }
  return patterns;
}

std::shared_ptr<const AskedFor> AskedAt(const Exchange& exchange, const RouteTable& table,
                                        bool grpc) {
  constexpr size_t kMostPath = 256;
  const RequestHead& head = exchange.head();
  auto asked = std::make_shared<AskedFor>();
  const std::string_view path = head.path().substr(0, kMostPath);
  if (grpc) {
    asked->method = path.substr(path.empty() ? 0 : 1);
  } else {
    std::string room;
    asked->method = head.method();
    asked->path = path;
    asked->route = table.PatternOf(RoutePath(head.target(), &room));
  }
  asked->peer = exchange.peer().address;
  asked->tls = exchange.peer().tls;
  asked->version = head.version;
  return asked;
}

constexpr std::string_view kStarting = "the engine is starting, and has not said what it answers";

// `known`: what the engine answers is; until then nobody can say that a method is not there.
std::unique_ptr<Responder> BeginGrpc(std::shared_ptr<Exchange> exchange, RouteOwner* owner,
                                     bool known) {
  if (owner != nullptr) return owner->Begin(std::move(exchange));
  if (CheckGrpcHead(exchange.get())) {
    RefuseGrpc(exchange.get(), known ? NoMethod(exchange->head().path())
                                     : GrpcStatus{GrpcCode::kUnavailable, std::string(kStarting)});
  }
  return nullptr;
}

}  // namespace

Status ExchangeRoutes::Claim() {
  const auto xsf = [this](std::shared_ptr<Exchange> exchange, bool* known) {
    *known = exchange->head().path() == kXsfPath;
    return *known ? MakeXsfCall(std::move(exchange), &grpc_) : nullptr;
  };
  const auto stream = [this](std::shared_ptr<Exchange> exchange, bool* known) {
    *known = exchange->head().path() == kStreamPath;
    return *known ? MakeStreamCall(std::move(exchange), &grpc_) : nullptr;
  };
  const auto standard = [this](std::shared_ptr<Exchange> exchange, bool* known) {
    return standard_.Begin(std::move(exchange), known);
  };
  const auto claim = [this](const std::vector<std::string_view>& services, Need need,
                            const GrpcOwner::Serve& serve) {
    return table_.Claim(PatternsOf(services), std::make_shared<GrpcOwner>(need, serve));
  };
  Status status = claim({"utils.XsfCall"}, Need::kCall, xsf);
  if (status.ok()) status = claim({"aiges.v1.Stream"}, Need::kCall, stream);
  // Probes of orchestrators can send no key.
  if (status.ok()) status = claim({"grpc.health.v1.Health"}, Need::kNothing, standard);
  if (status.ok()) status = claim({"utils.ToolBox"}, Need::kAdmin, standard);
  if (!status.ok()) return status;
  return claim({"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"},
               Need::kKey, standard);
}

// Of a path that is on other ports only.
bool ExchangeRoutes::RefusePort(Exchange* exchange, const RouteOwner* owner) const {
  if (pages_at_.empty()) return false;
  const std::string_view path = exchange->head().path();
  const bool admin = exchange->peer().admin;
  // The probes of gRPC are for whoever watches the loader, too.
  if (admin && path.starts_with(kHealthPath)) return false;
  const bool page = owner != nullptr && owner->is_page();
  if (page == admin) return false;
  Answer(exchange,
         Refusal(404, kCodeInvalidOp, "",
                 admin ? StrCat("no page: ", path, "; calls are on other ports than [admin] listen")
                       : StrCat("pages and admin are at ", pages_at_, " ([admin] listen), got ",
                                path)));
  return true;
}

std::unique_ptr<Responder> ExchangeRoutes::Begin(std::shared_ptr<Exchange> exchange) {
  const RequestHead& head = exchange->head();
  doors_.Look();
  if (!IsGrpc(head.fields.Find("content-type"))) look_();  // gRPC has none of those paths.
  std::string room;
  RouteOwner* const owner = table_.Find(RoutePath(head.target(), &room));
  const bool page = owner != nullptr && owner->is_page();
  // What watches the loader asks all the time.
  if (!grpc_.lane.settings.log.access || page || head.path().starts_with(kHealthPath)) {
    return BeginAt(std::move(exchange), owner);
  }
  return BeginLogged(std::move(exchange), [this, owner](std::shared_ptr<Exchange> logged) {
    return BeginAt(std::move(logged), owner);
  });
}

void ExchangeRoutes::SetOrigin(Exchange* exchange, bool grpc) const {
  const RequestHead& head = exchange->head();
  TraceContext trace;
  if (tracing_ != nullptr) {
    trace = tracing_->Begin(head.fields.Find(kTraceParam), head.fields.Find(kTraceStateParam));
  }
  const bool limited = limits_ != nullptr && limits_->on();
  const std::string& name = exchange->caller().name;
  if (!trace.valid() && name.empty() && !limited) return;
  Origin origin{name, std::move(trace)};
  if (limited) origin.limits = std::make_shared<LimitNote>();
  if (origin.trace.span != 0) origin.asked = AskedAt(*exchange, table_, grpc);
  exchange->SetOrigin(std::make_shared<const Origin>(std::move(origin)));
}

std::shared_ptr<Exchange> ExchangeRoutes::Limited(std::shared_ptr<Exchange> exchange) {
  const Origin* const origin = exchange->caller().origin.get();
  if (origin == nullptr || origin->limits == nullptr) return exchange;
  return MakeLimited(std::move(exchange));
}

std::unique_ptr<Responder> ExchangeRoutes::BeginAt(std::shared_ptr<Exchange> exchange,
                                                   RouteOwner* owner) {
  const RequestHead& head = exchange->head();
  if (RefusePort(exchange.get(), owner)) return nullptr;
  exchange->SetOwner(owner);
  const bool grpc = owner != nullptr && owner->is_grpc();
  // A browser, which sends no key with that.
  const bool asks = head.method() == "OPTIONS" && head.fields.Has("access-control-request-method");
  Proof proof;
  Status admitted;
  if (owner != nullptr && !asks) admitted = access_.Admit(exchange.get(), *owner, &proof);
  if (admitted.ok() && !proof.digest.empty()) {
    admitted = CheckDigestOfNone(head, proof.digest);
    if (grpc || IsGrpc(head.fields.Find("content-type"))) {
      admitted = Status::Error(StatusKind::kInvalid,
                               "HMAC signature cannot be verified: expected no digest among what is"
                               " signed of a call by gRPC, whose messages come one by one",
                               kCodeUnauthenticated);
    }
  }
  if (owner != nullptr && owner->need() == Need::kCall) SetOrigin(exchange.get(), grpc);
  // Also of what a browser asks before: nobody checks that, and the signature may be good.
  const bool unchecked = asks && access_.TakesSignatures() && BringsSignature(head);
  if (proof.in_url || unchecked) exchange = WithoutSignatureInUrl(std::move(exchange));
  if (!admitted.ok() || proof.digest.empty()) {
    return BeginAdmitted(std::move(exchange), owner, admitted);
  }
  return BeginDigested(std::move(exchange), std::move(proof.digest),
                       [&](std::shared_ptr<Exchange> digested) {
                         return BeginAdmitted(std::move(digested), owner, admitted);
                       });
}

std::unique_ptr<Responder> ExchangeRoutes::BeginAdmitted(std::shared_ptr<Exchange> exchange,
                                                         RouteOwner* owner,
                                                         const Status& admitted) {
  const RequestHead& head = exchange->head();
  const bool grpc = owner != nullptr && owner->is_grpc();
  const std::string_view type = head.fields.Find("content-type");
  if (IsGrpcWeb(type)) {
    const std::string_view allowed = cors_.AllowedFor(head.fields.Find("origin"));
    return BeginGrpcWeb(std::move(exchange), allowed,
                        [&](std::shared_ptr<Exchange> call) -> std::unique_ptr<Responder> {
                          if (grpc && !admitted.ok()) {
                            owner->Refuse(call.get(), admitted);
                            return nullptr;
                          }
                          return BeginGrpc(Limited(std::move(call)), grpc ? owner : nullptr,
                                           doors_.known());
                        });
  }
  if (grpc && admitted.ok() && head.method() == "OPTIONS") {
    AnswerGrpcWebOptions(exchange.get(), cors_.AllowedFor(head.fields.Find("origin")));
    return nullptr;
  }
  if (!admitted.ok()) {
    owner->Refuse(exchange.get(), admitted);
    return nullptr;
  }
  exchange = Limited(std::move(exchange));
  if (grpc || IsGrpc(type)) {
    return BeginGrpc(std::move(exchange), grpc ? owner : nullptr, doors_.known());
  }
  if (owner != nullptr) return owner->Begin(std::move(exchange));
  if (!doors_.known()) {
    HttpResponse response = Refusal(503, kCodeCrash, "", std::string(kStarting));
    response.headers.emplace_back("retry-after", "1");
    Answer(exchange.get(), std::move(response));
    return nullptr;
  }
  return BeginHttp(std::move(exchange), &grpc_.lane);  // Nobody's: the routes say so.
}

}  // namespace aiges
