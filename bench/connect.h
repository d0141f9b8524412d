// SPDX-License-Identifier: Apache-2.0
// bench/connect.h: the connections of the load client over gRPC.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "bench/load.h"

namespace bench {

// Waits until it stands. Throws std::runtime_error where there is no server within kSilence.
inline std::shared_ptr<grpc::Channel> Connect(const std::string& address,
                                              grpc::ChannelArguments arguments) {
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  auto channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + kSilence)) {
    throw std::runtime_error("cannot connect to " + address +
                             "; expected a gRPC server without TLS there");
  }
  return channel;
}

}  // namespace bench
