// SPDX-License-Identifier: Apache-2.0
// loader/protocols/door_call.h: an Exchange that the engine itself answers (docs/doors.md).
//
// Both make parts (api/door.h) of what the client says and fields and pieces of what the engine
// says. A call is submitted with the begin of its body: all of it where that is short and its end
// is known to come, else what the turn of the lane has brought.
// Belongs to the lane.
#pragma once

#include <memory>

#include "loader/front/exchange.h"
#include "loader/protocols/door_table.h"
#include "loader/protocols/grpc_env.h"

namespace aiges {

// Key ":http". Behind the head's own pseudo-fields stand ":client" (address of the peer), ":port"
// (it came by; 0 for a unix socket) ":version" ("1" or "2") and, where [access] knows who asks,
// ":caller", of a model that is not at the root ":root" (what ":path" began with);
// "x-request-id" is there. Nothing
// where the head is already answered. `doors`: of the door; held while the call lasts.
std::unique_ptr<Responder> MakeHttpDoor(std::shared_ptr<Exchange> exchange,
                                        std::shared_ptr<const DoorTable> doors, const Door& door,
                                        GrpcServices* env);

// Of a head that says `websocket`. The same head, with ":websocket"; parts are messages, whose desc
// has "opcode": "text" or "binary", and the last one "code" and "reason". The engine accepts with
// ":status" 101 in a first part, or answers as usual with one whole part.
std::unique_ptr<Responder> MakeWsDoor(std::shared_ptr<Exchange> exchange,
                                      std::shared_ptr<const DoorTable> doors, const Door& door,
                                      GrpcServices* env);

// Key ":grpc"; the same head; data are messages, each behind the five bytes that gRPC has before
// it, not compressed. The trailers of the last part: "grpc-status" (absent: 0), "grpc-message" as
// plain text, and metadata. A head that CheckGrpcHead has let pass.
std::unique_ptr<Responder> MakeGrpcDoor(std::shared_ptr<Exchange> exchange, const Door& door,
                                        GrpcServices* env);

// What the host says in place of the engine, in the engine's words for refusals. `more`: headers.
void RefuseHttpDoor(Exchange* exchange, const DoorRefusal& words, int status, std::string_view text,
                    const Pairs& more = {});

}  // namespace aiges
