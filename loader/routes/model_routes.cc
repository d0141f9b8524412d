// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/model_routes.h"

#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/front/http_exchange.h"
#include "loader/protocols/find_model.h"
#include "loader/protocols/http_answer.h"
#include "loader/routes/access.h"
#include "loader/routes/door_owners.h"
#include "loader/routes/http_owner.h"

namespace aiges {
namespace {

constexpr std::string_view kPrefix = "/m/";

// "/m/<name>/rest": the name, and where the rest begins.
std::string_view NameIn(std::string_view path, size_t* rest) {
  const size_t end = path.find('/', kPrefix.size());
  *rest = end == std::string_view::npos ? path.size() : end;
  return path.substr(kPrefix.size(), *rest - kPrefix.size());
}

}  // namespace

class ModelRoutes::Owner final : public RouteOwner {
 public:
  explicit Owner(ModelRoutes* routes) : RouteOwner("the loader", Need::kCall), routes_(*routes) {}

  void Refuse(Exchange* exchange, const Status& why) override {
    HttpResponse r = Refusal(why, "");
    AddChallenges(exchange->head(), why, /*page=*/false, &r);
    aiges::Answer(exchange, std::move(r));
  }
  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override {
    return routes_.Begin(std::move(exchange));
  }
  const HttpHandler* whole() const override { return &routes_.answer_; }

 private:
  ModelRoutes& routes_;
};

Status ModelRoutes::Claim(RouteTable* table) {
  if (!env_.lane.models.several()) return Status::Ok();
  answer_ = [this](HttpRequest request, HttpDone done) {
    return Answer(std::move(request), std::move(done));
  };
  return table->Claim({{"/m/{model}/{path..}", Hold::kFirm}}, std::make_shared<Owner>(this));
}

RouteOwner* ModelRoutes::FindDoor(const ModelRef& model, const std::string& path) {
  const std::shared_ptr<const std::string> text = model->Doors();
  if (text == nullptr) return nullptr;
  std::unique_ptr<Doors>& known = doors_[StrCat(model->name(), "/", model->version())];
  if (known == nullptr || known->text != text) {
    known = std::make_unique<Doors>();
    known->text = text;
    const auto table = std::make_shared<const DoorTable>(*text);
    for (const std::string& problem : table->problems()) {
      LogWarn("http", "the doors of ", model->name(), ": ", problem, ": left out");
    }
    for (auto& [pattern, owner] : HttpDoorOwners(table, &env_)) {
      const Status status = known->table.Claim({{pattern, Hold::kFirm}}, owner);
      if (!status.ok()) LogWarn("http", "the doors of ", model->name(), ": ", status.text);
    }
  }
  return known->table.Find(path);
}

std::unique_ptr<Responder> ModelRoutes::Begin(std::shared_ptr<Exchange> exchange) {
  std::string room;
  const std::string path(RoutePath(exchange->head().target(), &room));
  size_t rest = 0;
  const std::string name(NameIn(path, &rest));
  ModelRef model;
  const Status found = FindModel(env_.lane.models, exchange->caller(), name, {}, &model);
  if (!found.ok()) {
    aiges::Answer(exchange.get(), Refusal(found, ""));
    return nullptr;
  }
  if (model->Doors() == nullptr) {
    // What it answers is known once it has been loaded.
    model->Wake();
    HttpResponse response =
        Refusal(503, kCodeCrash, "",
                StrCat("the model ", name, " is ", StateName(model->Report().state),
                       ", and has not said what it answers"));
    response.headers.emplace_back("retry-after", "1");
    aiges::Answer(exchange.get(), std::move(response));
    return nullptr;
  }
  RouteOwner* const door = FindDoor(model, path.substr(rest));
  // A path is told as it came, so a name that came encoded is cut off by its own length.
  const std::string_view target = exchange->head().target();
  size_t end = 0;
  (void)NameIn(target, &end);
  exchange->SetMount({model, std::string(target.substr(0, end))});
  if (door != nullptr) return door->Begin(std::move(exchange));
  return BeginHttp(std::move(exchange), &env_.lane);
}

uint64_t ModelRoutes::Answer(HttpRequest request, HttpDone done) {
  size_t rest = 0;
  const std::string name(NameIn(request.path, &rest));
  const std::string path = request.path.substr(rest);
  ModelRef model;
  const Status found = FindModel(env_.lane.models, request.asker, name, {}, &model);
  uint64_t id = 0;
  if (found.ok() && declared_(model, path, &request, &done, &id)) return id;
  done(found.ok()
           ? Refusal(404, kCodeInvalidOp, "", StrCat("the model ", name, " has no path ", path))
           : Refusal(found, ""));
  return 0;
}

}  // namespace aiges
