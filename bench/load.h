// SPDX-License-Identifier: Apache-2.0
// bench/load.h: the closed loops of the load client, over gRPC and HTTP/1.1, and its streams.
//
// A loop keeps Plan::in_flight calls under way from one thread, with a request that is built once,
// and tells the recorder about each answer. It ends when the recorder says that time is up and the
// last answer is in. What the server does wrong in single answers is counted; a server that cannot
// be reached, that answers nothing for kSilence or that breaks a connection ends the loop with a
// std::runtime_error. Each loop belongs to the thread that calls it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "bench/recorder.h"

namespace bench {

constexpr std::chrono::seconds kSilence{15};

struct Plan {
  std::string protocol;  // xsf, grpc, raw, json, stream, first or count
  std::string address;   // host:port
  std::string service = "svcName";
  int in_flight = 32;
  int channels = 1;  // gRPC connections; an HTTP call in flight always has its own.
  int bytes = 256;
  double warmup_s = 0.5;
  double seconds = 3;
  bool check = true;  // False against the limit server, whose answer is the request.
  // xsf: every call has a payload of its own, and the whole of it is compared in every answer.
  bool check_all = false;
  // xsf, with check_all: answers with this code are counted apart, and have no latency. 0: none.
  int allowed_code = 0;
  // stream, without check: how the limit server packs its items. count: messages in each stream.
  int items_per_message = 1, bytes_per_message = 48;
  std::string method, request;  // count: /package.Service/Method, and the file that is sent.
};

// Looking into every answer would make the client the limit: the first one, and then samples.
inline bool IsSample(uint64_t number) { return number % 1024 == 0; }

void RunXsf(const Plan& plan, Recorder* recorder);
void RunHttp(const Plan& plan, Recorder* recorder);
void RunStream(const Plan& plan, Recorder* recorder);
void RunCount(const Plan& plan, Recorder* recorder);

}  // namespace bench
