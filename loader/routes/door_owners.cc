// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/door_owners.h"

#include <algorithm>
#include <map>

#include "loader/api/codes.h"
#include "loader/base/strings.h"
#include "loader/protocols/door_call.h"
#include "loader/protocols/find_model.h"
#include "loader/routes/access.h"

namespace aiges {
namespace {

// The doors of one pattern of HTTP, which differ in their methods.
class HttpDoors final : public RouteOwner {
 public:
  HttpDoors(std::shared_ptr<const DoorTable> table, std::vector<const Door*> doors,
            GrpcServices* env)
      : RouteOwner("the engine", Need::kCall),
        table_(std::move(table)),
        doors_(std::move(doors)),
        env_(*env) {}

  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override {
    // Of a model with a mount that has been asked where its name was read.
    if (exchange->mount().model == nullptr) {
      const Status may = CheckMayCallDefault(env_.lane.models, exchange->caller());
      if (!may.ok()) {
        Refuse(exchange.get(), may);
        return nullptr;
      }
    }
    const std::string_view method = exchange->head().method();
    const auto fits = [method](const Door* d) { return d->FitsMethod(method); };
    const auto found = std::find_if(doors_.begin(), doors_.end(), fits);
    if (found != doors_.end() && exchange->head().websocket) {
      return MakeWsDoor(std::move(exchange), table_, **found, &env_);
    }
    if (found != doors_.end()) return MakeHttpDoor(std::move(exchange), table_, **found, &env_);
    RefuseHttpDoor(exchange.get(), table_->refusal(), 405, "Method Not Allowed",
                   {{"allow", Methods()}});
    return nullptr;
  }

  void Refuse(Exchange* exchange, const Status& why) override {
    HttpResponse response;
    AddChallenges(exchange->head(), why, /*page=*/false, &response);
    RefuseHttpDoor(exchange, table_->refusal(), HttpStatusOf(why), why.text, response.headers);
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

}  // namespace

std::vector<std::pair<std::string, std::shared_ptr<RouteOwner>>> HttpDoorOwners(
    const std::shared_ptr<const DoorTable>& doors, GrpcServices* env) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<const Door*>> by_pattern;
  for (const Door& door : doors->doors()) {
    if (door.kind != Door::Kind::kHttp) continue;
    std::vector<const Door*>& its = by_pattern[door.pattern];
    if (its.empty()) order.push_back(door.pattern);
    its.push_back(&door);
  }
  std::vector<std::pair<std::string, std::shared_ptr<RouteOwner>>> owners;
  for (const std::string& pattern : order) {
    owners.emplace_back(pattern,
                        std::make_shared<HttpDoors>(doors, std::move(by_pattern[pattern]), env));
  }
  return owners;
}

}  // namespace aiges
