// SPDX-License-Identifier: Apache-2.0
// loader/protocols/door_parts.h: heads, parts and refusals of door calls (door_call.h).
//
// Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "loader/api/door.h"
#include "loader/front/exchange.h"
#include "loader/front/fields.h"
#include "loader/protocols/door_table.h"

namespace aiges {

// Of the body that goes with the first part.
inline constexpr size_t kMostFirst = 64 * 1024;

// The first part of a request, without data and status. `id`: its x-request-id.
Payload DoorHead(const char* key, const Exchange& exchange, std::string_view id);
Request DoorRequest(const Exchange& exchange, const Door& door, std::string id);
// A part that is a piece of the body.
Payload DoorPiece(const char* key, DataStatus status, Bytes data);

// What the engine says in desc, split where ":trailers" stands.
struct DoorAnswer {
  int status = 0;  // 0: there was no ":status".
  Fields head, trailers;
  std::optional<uint64_t> length;  // That the engine announces; not in `head`.
  std::string wrong;               // What no client could be told.
};
// `trailers_only`: the head was in an earlier part. `other`: a :status below 200 that may stand.
DoorAnswer ReadDoorAnswer(const Pairs& desc, bool trailers_only, int other = 0);

}  // namespace aiges
