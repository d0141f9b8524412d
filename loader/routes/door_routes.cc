// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/door_routes.h"

#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/base/strings.h"
#include "loader/protocols/door_call.h"
#include "loader/protocols/door_table.h"
#include "loader/protocols/find_model.h"
#include "loader/routes/access.h"
#include "loader/routes/door_owners.h"

namespace aiges {
namespace {

constexpr const char* kOwner = "the engine";
constexpr std::string_view kHealthService = "grpc.health.v1.Health";

class GrpcDoors final : public RouteOwner {
 public:
  GrpcDoors(Door door, GrpcServices* env)
      : RouteOwner(kOwner, Need::kCall), door_(std::move(door)), env_(*env) {}

  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override {
    if (!CheckGrpcHead(exchange.get())) return nullptr;
    const Status may = CheckMayCallDefault(env_.lane.models, exchange->caller());
    if (!may.ok()) {
      Refuse(exchange.get(), may);
      return nullptr;
    }
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
  const auto claim = [this](const std::string& pattern, std::shared_ptr<RouteOwner> owner) {
    const Status status = table_.Claim({{pattern, Hold::kFirm}}, owner);
    if (!status.ok()) LogWarn("http", "the doors of the engine: ", status.text, ": left out");
    if (status.ok()) owners_.push_back(std::move(owner));
    return status.ok();
  };
  for (auto& [pattern, owner] : HttpDoorOwners(doors, &env_)) claim(pattern, std::move(owner));
  StandardServices::BeginHealth health;
  std::vector<std::string> services;
  for (const Door& door : doors->doors()) {
    if (door.kind != Door::Kind::kGrpc) continue;
    if (door.pattern == kHealthService) {
      // The loader's, too: it asks the engine about what it does not know itself.
      health = [door, env = &env_](std::shared_ptr<Exchange> exchange) {
        return MakeGrpcDoor(std::move(exchange), door, env);
      };
    } else if (claim(StrCat("/", door.pattern, "/{method}"),
                     std::make_shared<GrpcDoors>(door, &env_))) {
      services.push_back(door.pattern);
    }
  }
  const auto engine = std::make_shared<EngineServices>(std::move(services), doors->descriptors());
  if (!engine->problem().empty()) {
    LogWarn("http", "the doors of the engine: ", engine->problem(), ": left out");
  }
  standard_.SetEngine(engine, std::move(health));
}

}  // namespace aiges
