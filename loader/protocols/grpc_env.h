// SPDX-License-Identifier: Apache-2.0
// loader/protocols/grpc_env.h: what the methods of gRPC need; all of it outlives the calls.
#pragma once

#include <string>
#include <vector>

#include "loader/api/resources.h"
#include "loader/front/front_lane.h"
#include "loader/front/grpc_call.h"
#include "loader/front/request_id.h"
#include "loader/protocols/handle.h"
#include "loader/protocols/load_header.h"
#include "loader/protocols/xsf_session.h"

namespace aiges {

// Handles name the port that a call came in by: clients send the rest of the session there.
class HandleMakers {
 public:
  void Add(const std::string& host, uint16_t port) { makers_.push_back({port, {host, port}}); }
  // That of the first port for a call that came by none. There is at least one.
  const HandleMaker& Of(const Peer& peer) const {
    for (const Maker& m : makers_) {
      if (m.port == peer.local_port) return m.maker;
    }
    return makers_.front().maker;
  }

 private:
  struct Maker {
    uint16_t port;
    HandleMaker maker;
  };
  std::vector<Maker> makers_;
};

struct GrpcServices {
  GrpcEnv grpc;
  FrontLane& lane;
  Resources& resources;
  LoadHeader load;
  HandleMakers handles;
  XsfSessionTable table;
};

// Adds how busy the loader is, unless another answer has just said so.
inline void AddLoad(GrpcServices* env, Fields* trailers) {
  const std::string load = env->load.Binary(std::chrono::steady_clock::now());
  if (!load.empty()) trailers->Add(LoadHeader::kTrailer, EncodeBinary(load));
}

// What the client calls its request, for people; empty: nothing, or what is none.
inline std::string RequestIdOf(const RequestHead& head) {
  const std::string_view id = head.fields.Find(kRequestIdField);
  return IsRequestId(id) ? std::string(id) : std::string();
}

// A client that compresses wants it so.
inline bool SendsGzip(const RequestHead& head) {
  return head.fields.Find("grpc-encoding") == "gzip";
}

}  // namespace aiges
