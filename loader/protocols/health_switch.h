// SPDX-License-Identifier: Apache-2.0
// loader/protocols/health_switch.h: a call of grpc.health.v1.Health that the loader or the engine
// answers, which shows with the service that it asks for.
//
// Belongs to the lane.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "loader/front/exchange.h"

namespace aiges {

// Who answers; nothing where it is answered already. `service`: nothing where the first message is
// none that can be read.
using ChooseHealth =
    std::function<std::unique_ptr<Responder>(const std::optional<std::string>& service)>;

std::unique_ptr<Responder> MakeHealthSwitch(std::shared_ptr<Exchange> exchange,
                                            ChooseHealth choose);

}  // namespace aiges
