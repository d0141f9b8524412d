// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/door_routes.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/base/strings.h"
#include "loader/protocols/door_call.h"
#include "loader/protocols/door_table.h"
#include "loader/routes/access.h"

namespace aiges {
namespace {

constexpr const char* kOwner = "the engine";
constexpr std::string_view kHealthService = "grpc.health.v1.Health";

// The doors of one pattern of HTTP, which differ in their methods.
class HttpDoors final : public RouteOwner {
 public:
  HttpDoors(std::shared_ptr<const DoorTable> table, std::vector<const Door*> doors,
            GrpcServices* env)
      : RouteOwner(kOwner, Need::kCall),
        table_(std::move(table)),
        doors_(std::move(doors)),
        env_(*env) {}

  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override {
    const std::string_view method = exchange->head().method();
    const auto fits = [method](const Door* d) { return d->FitsMethod(method); };
    const auto found = std::find_if(doors_.begin(), doors_.end(), fits);
    if (found != doors_.end() && exchange->head().websocket) {
      return MakeWsDoor(std::move(exchange), table_, **found, &env_);
    }
    if (found != doors_.end()) return MakeHttpDoor(std::move(exchange), table_, **found, &env_);
    RefuseHttpDoor(exchange.get(), table_->refusal(), 405, "Method Not Allowed", Methods());
    return nullptr;
  }

  void Refuse(Exchange* exchange, const Status& why) override {
    RefuseHttpDoor(exchange, table_->refusal(), HttpStatusOf(why), why.text);
  }

 private:
  std::string Methods() const {
    std::string all;
    for (const Door* door : doors_) {
      for (const std::string& each : door->methods) StrAppend(&all, all.empty() ? "" : ", ", each);
    }
    return all;
  }

  const std::shared_ptr<const DoorTable> table_;  // Of doors_.
  const std::vector<const Door*> doors_;
  GrpcServices& env_;
};

class GrpcDoors final : public RouteOwner {
 public:
  GrpcDoors(Door door, GrpcServices* env)
      : RouteOwner(kOwner, Need::kCall), door_(std::move(door)), env_(*env) {}

  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override {
    if (!CheckGrpcHead(exchange.get())) return nullptr;
    return MakeGrpcDoor(std::move(exchange), door_, &env_);
  }
  void Refuse(Exchange* exchange, const Status& why) override { RefuseGrpcAccess(exchange, why); }
  bool is_grpc() const override { return true; }

 private:
  const Door door_;
  GrpcServices& env_;
};

}  // namespace

void DoorRoutes::Look() {
  std::shared_ptr<const std::string> text = actions_.doors();
  if (text == nullptr || text == text_) return;
  text_ = std::move(text);
  Claim();
}

void DoorRoutes::Claim() {
  for (const auto& owner : owners_) table_.Release(owner.get());
  owners_.clear();
  const auto doors = std::make_shared<DoorTable>(*text_);
  for (const std::string& problem : doors->problems()) {
    LogWarn("http", "the doors of the engine: ", problem, ": left out");
  }
  StandardServices::BeginHealth health;
  std::vector<std::string> services;
  std::vector<const Door*> rest;
  for (const Door& door : doors->doors()) rest.push_back(&door);
  while (!rest.empty()) {
    const Door& first = *rest.front();
    const auto same = [&first](const Door* d) {
      return d->kind == first.kind && d->pattern == first.pattern;
    };
    std::vector<const Door*> its, others;
    std::partition_copy(rest.begin(), rest.end(), std::back_inserter(its),
                        std::back_inserter(others), same);
    if (first.kind == Door::Kind::kGrpc && first.pattern == kHealthService) {
      // The loader's, too: it asks the engine about what it does not know itself.
      health = [door = first, env = &env_](std::shared_ptr<Exchange> exchange) {
        return MakeGrpcDoor(std::move(exchange), door, env);
      };
      rest = std::move(others);
      continue;
    }
    std::shared_ptr<RouteOwner> owner;
    std::string pattern = first.pattern;
    if (first.kind == Door::Kind::kGrpc) {
      pattern = StrCat("/", first.pattern, "/{method}");
      owner = std::make_shared<GrpcDoors>(first, &env_);
    } else {
      owner = std::make_shared<HttpDoors>(doors, std::move(its), &env_);
    }
    const Status status = table_.Claim({{pattern, Hold::kFirm}}, owner);
    if (status.ok()) {
      owners_.push_back(std::move(owner));
      if (first.kind == Door::Kind::kGrpc) services.push_back(first.pattern);
    }
    if (!status.ok()) LogWarn("http", "the doors of the engine: ", status.text, ": left out");
    rest = std::move(others);
  }
  const auto engine = std::make_shared<EngineServices>(std::move(services), doors->descriptors());
  if (!engine->problem().empty()) {
    LogWarn("http", "the doors of the engine: ", engine->problem(), ": left out");
  }
  standard_.SetEngine(engine, std::move(health));
}

}  // namespace aiges
