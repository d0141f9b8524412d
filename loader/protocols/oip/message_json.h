// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/message_json.h: a message of protobuf as the JSON that OIP has for it: names
// as in the .proto, enums by name, all numbers as numbers, and what is not set at its default.
// (protobuf's own JSON has 64-bit numbers as strings.) A pure function; thread-safe.
#pragma once

#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>

namespace aiges::oip {

nlohmann::ordered_json JsonOf(const google::protobuf::Message& message);

}  // namespace aiges::oip
