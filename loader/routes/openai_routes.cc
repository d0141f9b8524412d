// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/openai_routes.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "loader/api/codes.h"
#include "loader/front/http_exchange.h"
#include "loader/front/request_id.h"
#include "loader/protocols/find_model.h"
#include "loader/protocols/handle.h"
#include "loader/protocols/model_card.h"
#include "loader/protocols/openai/openai_answer.h"
#include "loader/protocols/openai/openai_error.h"
#include "loader/protocols/openai/openai_models.h"
#include "loader/routes/access.h"
#include "loader/routes/http_owner.h"

namespace aiges {
namespace {

constexpr std::string_view kModelsPath = "/v1/models";

// As long as OpenAI's own clients wait.
constexpr std::chrono::minutes kLongest{10};

// Whole requests of HTTP, with OpenAI's words for what is refused.
class OpenAiOwner final : public RouteOwner {
 public:
  OpenAiOwner(Need need, FrontLane* lane, HttpHandler answer)
      : RouteOwner("the loader", need), lane_(*lane), answer_(std::move(answer)) {}

  void Refuse(Exchange* exchange, const Status& why) override {
    const HttpRequest request = HttpRequestOf(*exchange);
    HttpResponse r = OpenAiRefusal(why);
    AddChallenges(exchange->head(), why, /*page=*/false, &r);
    Cors(lane_.settings.http).AddTo(Find(request.headers, "origin"), &r);
    const std::string* id = Find(request.headers, kRequestIdField);
    if (id == nullptr || !IsRequestId(*id)) r.headers.emplace_back("X-Request-Id", RandomUuid());
    aiges::Answer(exchange, std::move(r));
  }
  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override {
    if (exchange->head().websocket) return BeginHttp(std::move(exchange), &lane_);
    return MakeHttpExchange(std::move(exchange), &lane_, OpenAiRefusal);
  }
  const HttpHandler* whole() const override { return &answer_; }

 private:
  FrontLane& lane_;
  const HttpHandler answer_;
};

HttpResponse WrongMethod(const HttpRequest& request, const char* allowed) {
  HttpResponse r = OpenAiRefusal(
      405, StrCat("expected ", allowed, " at ", request.path, ", got ", request.method));
  r.headers.emplace_back("Allow", StrCat(allowed, ", OPTIONS"));
  return r;
}

// Of a model that the call itself loads: whether it does the task is known when it has answered.
HttpDone CheckedAfterwards(const Models& models, ModelRef model, const char* task, HttpDone done) {
  return [&models, model = std::move(model), task, done = std::move(done)](HttpResponse response) {
    if (response.status >= 400) {
      const Status status = CheckTask(models, *model, task);
      if (!status.ok()) response = OpenAiRefusal(status);
    }
    done(std::move(response));
  };
}

std::string PlainUuid() {
  std::string id = RandomUuid();
  std::erase(id, '-');
  return id;
}

}  // namespace

OpenAiRoutes::OpenAiRoutes(const FrontRooms& rooms, FrontLane* lane)
    : rooms_(rooms), lane_(*lane), cors_(rooms.settings.http), since_(UnixSeconds()) {}

Status OpenAiRoutes::Claim(RouteTable* table) {
  const auto claim = [this, table](Need need, std::vector<RouteTable::Pattern> patterns,
                                   HttpHandler answer) {
    owners_.push_back(std::make_shared<OpenAiOwner>(need, &lane_, std::move(answer)));
    return table->Claim(patterns, owners_.back());
  };
  Status status = claim(
      Need::kCall,
      {{std::string(kModelsPath), Hold::kYields}, {StrCat(kModelsPath, "/{model}"), Hold::kYields}},
      [this](HttpRequest request, const HttpDone& done) {
        return AnswerModels(std::move(request), done);
      });
  for (const OpenAiTask& task : kOpenAiTasks) {
    if (!status.ok()) return status;
    status = claim(Need::kCall, {{task.path, Hold::kYields}},
                   [this, &task](HttpRequest request, HttpDone done) {
                     return Answer(task, std::move(request), std::move(done));
                   });
  }
  return status;
}

bool OpenAiRoutes::Owns(const RouteOwner* owner) const {
  return std::any_of(owners_.begin(), owners_.end(),
                     [owner](const auto& each) { return each.get() == owner; });
}

uint64_t OpenAiRoutes::AnswerModels(HttpRequest request, const HttpDone& done) {
  if (request.method == "OPTIONS") {
    done(cors_.Options(request));
  } else if (verbs_ != nullptr &&
             (request.path.ends_with(":predict") || request.path.ends_with(":explain"))) {
    return verbs_(std::move(request), done);
  } else if (request.method == "GET" || request.method == "HEAD") {
    done(Models(request));
  } else {
    done(WrongMethod(request, "GET"));
  }
  return 0;
}

HttpResponse OpenAiRoutes::Models(const HttpRequest& request) const {
  const aiges::Models& models = *rooms_.models;
  constexpr const char* kJson = "application/json";
  if (request.path == kModelsPath) {
    const std::vector<ModelRef> all = models.List();
    const bool some = std::any_of(all.begin(), all.end(), [](const auto& m) { return m->Ready(); });
    if (some || models.Ready()) {
      return HttpResponse::Text(200, kJson, WriteModelList(models, since_));
    }
    return OpenAiRefusal(503, "no model is ready: the engine starts", kCodeCrash);
  }
  ModelRef model;
  const Status status = models.Find(request.path.substr(kModelsPath.size() + 1), "", &model);
  if (!status.ok()) return OpenAiRefusal(status);
  if (model->Ready()) {
    return HttpResponse::Text(200, kJson, WriteModel(model->name(), true, since_));
  }
  return OpenAiRefusal(503,
                       StrCat("the model ", model->name(), " is not ready: it is ",
                              StateName(model->Report().state)),
                       kCodeCrash);
}

uint64_t OpenAiRoutes::Answer(const OpenAiTask& task, HttpRequest request, HttpDone done) {
  if (request.method == "OPTIONS") {
    done(cors_.Options(request));
    return 0;
  }
  if (request.method != "POST") {
    done(WrongMethod(request, "POST"));
    return 0;
  }
  if (!TakesOpenAiContent(task, request.content_type)) {
    done(OpenAiRefusal(
        415, StrCat("expected Content-Type ",
                    task.form ? "multipart/form-data with the field file" : "application/json",
                    ", got ", request.content_type.empty() ? "none" : request.content_type)));
    return 0;
  }
  const size_t bytes = request.body.size();
  if (bytes <= HttpWork::kBig) {
    OpenAiCall asked = ReadOpenAi(&request, task);
    return Begin(task, std::move(asked), request, std::move(done));
  }
  HttpWork* work = request.work;
  work->Run(bytes, [this, &task, request = std::move(request), done = std::move(done)]() mutable {
    OpenAiCall asked = ReadOpenAi(&request, task);
    request.work->Run(0, [this, &task, asked = std::move(asked), request = std::move(request),
                          done = std::move(done)]() mutable {
      const std::shared_ptr<HttpCaller> caller = request.caller;
      const uint64_t id = Begin(task, std::move(asked), request, std::move(done));
      if (id != 0) caller->Began(request.number, id);
    });
  });
  return 0;
}

uint64_t OpenAiRoutes::Begin(const OpenAiTask& task, OpenAiCall asked, const HttpRequest& request,
                             HttpDone done) {
  OnceCall& call = asked.call;
  std::string sid = request.own_id ? RandomUuid() : request.id;
  Status status = std::move(asked.status);
  std::erase_if(call.headers, [](const auto& header) { return header.first == "sid"; });
  call.headers.emplace_back("sid", sid);
  call.request.origin = request.asker.origin;
  PassHeaders(rooms_.settings.service, &call);
  if (status.ok()) status = CheckInput(call);
  ModelRef& model = call.request.model;
  if (status.ok()) status = FindModel(*rooms_.models, request.asker, asked.model, "", &model);
  if (status.ok()) status = CheckTask(*rooms_.models, *model, task.name);
  if (status.ok()) status = CheckRoom(&rooms_.budget->output);
  if (!status.ok()) {
    done(OpenAiRefusal(status));
    return 0;
  }
  if (!CardOf(model->Schema())->HasTask(task.name)) {
    done = CheckedAfterwards(*rooms_.models, model, task.name, std::move(done));
  }
  call.request.handle = sid;
  if (request.own_id) call.request.request_id = request.id;
  call.request.protocol = "openai";
  call.request.arrived = request.arrived;
  call.request.deadline = request.arrived + kLongest;
  OpenAiMarks marks{&task, StrCat(task.id, PlainUuid()), model->name(), UnixSeconds()};
  if (asked.stream) {
    const auto longest = std::max<std::chrono::seconds>(
        kLongest, std::chrono::seconds(rooms_.settings.sessions.ws_session_timeout_s));
    return StartSessionEvents(rooms_.sessions, &lane_.loop, request.work, std::move(call),
                              std::move(sid), request.arrived + longest,
                              MakeOpenAiEvents(std::move(marks)), std::move(done));
  }
  auto sink = MakeOpenAiSink(std::move(marks), request.work, std::move(done));
  const CallId id = rooms_.service->Submit(std::move(call.request), std::move(sink));
  request.work->FlushSoon();
  return id;
}

}  // namespace aiges
