// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/http_routes.h"

#include <algorithm>

#include "loader/api/codes.h"
#include "loader/front/request_id.h"
#include "loader/protocols/find_model.h"
#include "loader/protocols/handle.h"
#include "loader/protocols/http_answer.h"
#include "loader/protocols/http_events.h"

namespace aiges {
namespace {

constexpr const char* kOwn = "the loader";

constexpr int64_t kDefaultWaitMs = 120'000;  // Frozen: what the old HTTP layer passed as waitTime.
constexpr int64_t kLongestWaitMs = 86'400'000;

// As the list of recent calls names it.
const char* ProtocolOf(CallRoute route) {
  switch (route) {
    case CallRoute::kEnvelope:
      return "envelope";
    case CallRoute::kPlain:
      return "json";
    case CallRoute::kRaw:
      return "raw";
    case CallRoute::kPredict:
      return "predict";
  }
  return "";
}

// A typed model writes its answer as the client takes it. Of plain JSON that is JSON.
void TellAccept(const Declared& declared, CallRoute route, const std::string* accept, bool events,
                OnceCall* call) {
  if (declared.schema.predict() == nullptr) return;
  if (route != CallRoute::kPredict && route != CallRoute::kPlain) return;
  const bool any = route == CallRoute::kPredict || events;
  call->request.params.emplace_back(kAcceptParam, !any                ? kJsonType
                                                  : accept != nullptr ? accept->c_str()
                                                                      : "*/*");
}

bool WantsEvents(const std::string* accept) {
  return accept != nullptr && accept->find("text/event-stream") != std::string::npos;
}

}  // namespace

HttpRoutes::HttpRoutes(const FrontRooms& rooms, const FrontActions* actions, FrontLane* lane,
                       RouteTable* table, Access* access)
    : rooms_(rooms),
      settings_(rooms.settings),
      lane_(*lane),
      table_(*table),
      cors_(settings_.http),
      load_(rooms.service),
      envelope_(CallOwner(kOwn, CallRoute::kEnvelope)),
      declared_(CallOwner("the engine", CallRoute::kEnvelope)),
      raw_(CallOwner(kOwn, CallRoute::kRaw)),
      plain_(CallOwner(kOwn, CallRoute::kPlain)),
      predict_(CallOwner("the engine", CallRoute::kPredict)),
      resources_(std::make_shared<HttpOwner>(kOwn, Need::kAdmin, lane,
                                             [this](HttpRequest request, const HttpDone& done) {
                                               AnswerResource(std::move(request), done);
                                               return 0;
                                             })),
      engine_(rooms.settings, actions, table, declared_, predict_),
      openai_(rooms, lane),
      pages_(rooms, actions, &engine_),
      admin_(rooms, actions),
      login_(access) {}

std::shared_ptr<HttpOwner> HttpRoutes::CallOwner(std::string name, CallRoute route) {
  return std::make_shared<HttpOwner>(
      std::move(name), Need::kCall, &lane_,
      [this, route](HttpRequest request, HttpDone done) {
        return AnswerCall(route, std::move(request), std::move(done));
      },
      route);
}

Status HttpRoutes::Claim() {
  const Hold hold = settings_.http.app_paths ? Hold::kYields : Hold::kFirm;
  Status status = table_.Claim({{"/{version}/private/{service..}", hold}}, envelope_);
  if (status.ok()) status = table_.Claim({{"/{version}/raw/{service..}", hold}}, raw_);
  if (status.ok()) status = table_.Claim({{"/v1/json/{service}", hold}}, plain_);
  if (status.ok()) {
    status = table_.Claim({{"/{version}/resources/{service..}", hold}}, resources_);
  }
  if (status.ok()) status = openai_.Claim(&table_);
  for (const Need need : {Need::kNothing, Need::kKey, Need::kAdmin}) {
    const auto answer = [this](const HttpRequest& request, const HttpDone& done) {
      AnswerPage(request, done);
      return 0;
    };
    if (!status.ok()) return status;
    status = table_.Claim(pages_.Patterns(need),
                          std::make_shared<HttpOwner>(kOwn, need, &lane_, answer,
                                                      CallRoute::kEnvelope, /*page=*/true));
  }
  if (!status.ok()) return status;
  const auto answer = [this](const HttpRequest& request, const HttpDone& done) {
    done(login_.Answer(request));
    return 0;
  };
  return table_.Claim({{LoginRoutes::kLogin, Hold::kOwn}, {LoginRoutes::kLogout, Hold::kOwn}},
                      std::make_shared<HttpOwner>(kOwn, Need::kNothing, &lane_, answer,
                                                  CallRoute::kEnvelope, /*page=*/true));
}

std::optional<HttpResponse> HttpRoutes::RefuseUpgrade(const HttpRequest& request) {
  const RouteOwner* owner = table_.Find(request.path);
  ModelRef model;
  Status found;
  if (owner == envelope_.get()) found = FindService(request, &model);
  if (owner == declared_.get()) found = CheckMayCallDefault(lane_.models, request.asker);
  if (found.code == kCodeDenied) return Refusal(found, "");
  const bool ours = owner == envelope_.get() && found.ok();
  if (ours || owner == declared_.get()) {
    const Status status = CheckQuery(request.query, {});
    if (status.ok()) return std::nullopt;
    return Refusal(status, "");
  }
  return Refusal(
      404, kCodeInvalidOp, "",
      StrCat("no WebSocket at ", request.path, "; it is at /v1/private/", settings_.service.name));
}

uint64_t HttpRoutes::Handle(HttpRequest request, HttpDone done) {
  const RouteOwner* owner = table_.Find(request.path);
  const std::string* id = Find(request.headers, kRequestIdField);
  request.own_id = id != nullptr && IsRequestId(*id);
  request.id = request.own_id ? *id : RandomUuid();
  // Calls, and what is nobody's, may be of pages of other origins.
  const bool call = owner == envelope_.get() || owner == declared_.get() || owner == raw_.get() ||
                    owner == plain_.get() || owner == predict_.get() || openai_.Owns(owner);
  const bool cors = call || owner == nullptr;
  std::optional<std::string> origin;
  if (const std::string* said = Find(request.headers, "origin")) origin = *said;
  // One function, as each costs memory of its own.
  done = [this, cors, load = call && request.method == "POST", origin = std::move(origin),
          id = request.id, done = std::move(done)](HttpResponse response) {
    response.headers.reserve(response.headers.size() + 5);
    response.headers.emplace_back("X-Request-Id", id);
    if (cors) cors_.AddTo(origin ? &*origin : nullptr, &response);
    if (load) {
      response.headers.emplace_back(LoadHeader::kHeader,
                                    load_.Text(std::chrono::steady_clock::now()));
    }
    done(std::move(response));
  };
  if (owner != request.owner && owner != nullptr) {  // While its body came: nobody has let it in.
    HttpResponse r = Refusal(503, kCodeCrash, "",
                             StrCat("the engine has just said what it answers, and ", request.path,
                                    " is of it now: send the request again"));
    r.headers.emplace_back("Retry-After", "1");
    done(std::move(r));
    return 0;
  }
  if (owner != nullptr && owner->whole() != nullptr) {
    return (*owner->whole())(std::move(request), std::move(done));
  }
  NoPath(request, done);
  return 0;
}

void HttpRoutes::AnswerResource(HttpRequest request, const HttpDone& done) {
  ModelRef model;
  if (!FindService(request, &model).ok()) return NoPath(request, done);
  if (model != nullptr && model != lane_.models.Default()) {
    return done(Refusal(501, kCodeInvalidOp, "",
                        "resources are loaded for the model that [models] default names"));
  }
  admin_.Resource(std::move(request), done);
}

void HttpRoutes::AnswerPage(const HttpRequest& request, const HttpDone& done) {
  const bool own = request.path.starts_with("/-/");
  if (request.path == (own ? "/-/admin/reload" : "/admin/reload")) {
    return admin_.Reload(request, done);
  }
  if (std::optional<HttpResponse> refusal; own && (refusal = admin_.RefusePage(request))) {
    return done(*std::move(refusal));
  }
  if (std::optional<HttpResponse> page = pages_.Answer(request)) return done(*std::move(page));
  if (!own) return NoPath(request, done);
  done(Refusal(404, kCodeInvalidOp, "",
               StrCat("no such page: ", request.path,
                      "; there are /-/status, /-/status.json, /-/docs, /-/openapi.json, "
                      "/-/metrics, /-/healthz, /-/readyz and POST /-/admin/reload")));
}

void HttpRoutes::NoPath(const HttpRequest& request, const HttpDone& done) const {
  const std::string& name = settings_.service.name;
  std::string own;
  if (const EngineSchema::Predict* predict = engine_.last()->schema.predict()) {
    for (const std::string& route : predict->routes) own += StrCat(route, ", ");
  }
  done(Refusal(404, kCodeInvalidOp, "",
               StrCat("no such path: ", request.path, "; POST ", own, "/v1/private/", name,
                      " (JSON) or /v1/raw/", name)));
}

// Nothing in *model: the one that there is.
Status HttpRoutes::FindService(const HttpRequest& request, ModelRef* model) const {
  const std::string id = ServiceIdOf(request.path);
  if (lane_.models.several()) {
    return FindModel(lane_.models, request.asker, id, {}, model);
  }
  if (id == settings_.service.name) return Status::Ok();
  return Status::Error(
      StatusKind::kNotFound,
      StrCat("unknown serviceId \"", id, "\": this loader serves \"", settings_.service.name, "\""),
      kCodeInvalidOp);
}

bool HttpRoutes::AnswerDeclared(const ModelRef& model, const std::string& path,
                                HttpRequest* request, HttpDone* done, uint64_t* id) {
  const EngineSchema& schema = engine_.Of(model)->schema;
  const bool predict = schema.HasPredictRoute(path);
  const bool taken = request->method == "POST" || (predict && request->method == "GET");
  if (!taken || !(predict || schema.HasRoute(path))) return false;
  const CallRoute route = predict ? CallRoute::kPredict : CallRoute::kEnvelope;
  *id = Call(std::move(*request), model, route, std::move(*done));
  return true;
}

uint64_t HttpRoutes::AnswerCall(CallRoute route, HttpRequest request, HttpDone done) {
  // At a path that the engine declares there need not be an id: it is the default model's.
  const bool predict = route == CallRoute::kPredict;
  const bool declared = predict || engine_.last()->schema.HasRoute(request.path);
  ModelRef model;
  const Status found =
      declared ? CheckMayCallDefault(lane_.models, request.asker) : FindService(request, &model);
  if (!found.ok()) {
    done(Refusal(found, "", route));
  } else if (request.method == "POST" || (predict && request.method == "GET")) {
    return Call(std::move(request), std::move(model), route, std::move(done));
  } else if (request.method == "OPTIONS") {
    done(cors_.Options(request, predict ? "POST, GET" : "POST"));
  } else {
    HttpResponse r =
        Refusal(405, kCodeInvalidOp, "", predict ? "expected POST or GET" : "expected POST", route);
    r.headers.emplace_back("Allow", predict ? "POST, GET, OPTIONS" : "POST, OPTIONS");
    done(std::move(r));
  }
  return 0;
}

uint64_t HttpRoutes::Call(HttpRequest request, ModelRef model, CallRoute route, HttpDone done) {
  Target target{std::move(model), nullptr};
  target.declared = engine_.Of(target.model);
  // The service's own, also where the client has a name for its request: it may use that again.
  std::string sid = request.own_id ? RandomUuid() : request.id;
  if (!TakesContent(route, request.content_type)) {
    done(Refusal(415, kCodeBodyNotJson, sid,
                 StrCat("expected Content-Type application/json or multipart/form-data, got ",
                        request.content_type),
                 route));
    return 0;
  }
  const size_t bytes = BytesToRead(request, route);
  if (bytes <= HttpWork::kBig) {
    HttpCall call = Read(&request, route, *target.declared);
    return Begin(std::move(call), target, std::move(sid), route, request, std::move(done));
  }
  HttpWork* work = request.work;
  work->Run(bytes, [this, route, target, sid = std::move(sid), request = std::move(request),
                    done = std::move(done)]() mutable {
    HttpCall call = Read(&request, route, *target.declared);
    request.work->Run(0, [this, route, target, call = std::move(call), sid = std::move(sid),
                          request = std::move(request), done = std::move(done)]() mutable {
      const std::shared_ptr<HttpCaller> caller = request.caller;
      const uint64_t id =
          Begin(std::move(call), target, std::move(sid), route, request, std::move(done));
      if (id != 0) caller->Began(request.number, id);
    });
  });
  return 0;
}

// Lane or codec thread.
HttpCall HttpRoutes::Read(HttpRequest* request, CallRoute route, const Declared& declared) const {
  const CallRules rules{declared.schema, declared.check ? &*declared.check : nullptr};
  return ReadCall(request, route, rules, rooms_.buffers);
}

uint64_t HttpRoutes::Begin(HttpCall http_call, const Target& target, std::string sid,
                           CallRoute route, const HttpRequest& request, HttpDone done) {
  OnceCall& call = http_call.call;
  Status status = std::move(http_call.status);
  std::erase_if(call.headers, [](const auto& header) { return header.first == "sid"; });
  call.headers.emplace_back("sid", sid);
  call.request.origin = request.asker.origin;
  PassHeaders(settings_.service, &call);
  const std::string* accept = Find(request.headers, "accept");
  const bool events = WantsEvents(accept);
  TellAccept(*target.declared, route, accept, events, &call);
  if (status.ok()) status = CheckInput(call);
  if (status.ok() && events && !http_call.query.output.empty()) {
    status = Status::Error(StatusKind::kInvalid,
                           "?output: expected none with Accept: text/event-stream, where each "
                           "event names its output",
                           kCodeConversion);
  }
  if (status.ok()) status = CheckRoom(&rooms_.budget->output);
  if (!status.ok()) {
    done(Refusal(status, sid, route));
    return 0;
  }
  const std::optional<int64_t>& wanted_ms = http_call.query.timeout_ms;
  const auto wait = std::chrono::milliseconds(
      std::min<int64_t>(wanted_ms.value_or(kDefaultWaitMs), kLongestWaitMs));
  call.request.model = target.model;
  call.request.handle = sid;
  if (request.own_id) call.request.request_id = request.id;
  call.request.protocol = ProtocolOf(route);
  call.request.arrived = request.arrived;
  call.request.deadline = request.arrived + wait;
  AnswerWish wish;
  wish.route = route;
  const std::shared_ptr<Declared>& declared = target.declared;
  wish.schema = std::shared_ptr<const EngineSchema>(declared, &declared->schema);
  if (accept != nullptr) wish.accept = *accept;
  wish.output = http_call.query.output;
  if (events) {
    const auto longest = std::chrono::seconds(settings_.sessions.ws_session_timeout_s);
    const TimePoint limit = wanted_ms ? call.request.deadline : request.arrived + longest;
    return StartEvents(rooms_.sessions, &lane_.loop, request.work, std::move(call), std::move(sid),
                       limit, std::move(wish), std::move(done));
  }
  auto sink = MakeHttpSink(std::move(call.expect), std::move(sid), std::move(wish), request.work,
                           std::move(done));
  const CallId id = rooms_.service->Submit(std::move(call.request), std::move(sink));
  request.work->FlushSoon();
  return id;
}

}  // namespace aiges
