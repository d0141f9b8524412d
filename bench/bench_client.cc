// SPDX-License-Identifier: Apache-2.0
// bench/bench_client.cc: the load client of bench/run.py. Prints one JSON line
// {calls, errors, refusals, calls_per_s, p50_us, p99_us, messages, message_bytes}; ends with 1 when
// there was an error, with 2 when the command line is wrong.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "bench/load.h"

namespace {

constexpr const char* kUsage = R"(bench_client PROTOCOL HOST:PORT [options]

A closed loop against a service that answers each payload with itself.
PROTOCOL: xsf (gRPC), grpc (the service of bench/servicer), raw (HTTP body) or json (HTTP JSON envelope, base64); against a service
that answers with params["n"] items: stream (items/s of calls without an end, counted as calls) or
first (time to the first item of one);
against any stream of gRPC: count (messages/s of one stream after the other, counted as calls)

  --in-flight N    calls under way at one time; with HTTP also connections (32)
  --channels N     gRPC connections (1)
  --bytes N        length of the payload (256)
  --seconds S      how long is measured (3)
  --warmup S       time before that, not measured (0.5)
  --service NAME   the service id (svcName)
  --no-check       the server answers with the request itself (grpc_limit_server): look at the
                   gRPC status only, not for code 0 and the payload in the answer
  --check-all      xsf: each call has a payload of its own, and every answer is compared with it
  --allow-code N   --check-all, and answers with this code are no errors: counted as refusals, out
                   of the latencies
  --items N, --message-bytes N
                   stream, with --no-check: so many items in a message, so long a message (1, 48);
                   count: so many messages in each stream, others are errors
  --method PATH, --request FILE
                   count: /package.Service/Method, and the one message that is sent
)";

bool Number(const char* text, double low, double high, double* value) {
  char* end = nullptr;
  *value = std::strtod(text, &end);
  return end != text && *end == '\0' && *value >= low && *value <= high;
}

bool Whole(const char* text, int low, int high, int* value) {
  double number = 0;
  if (!Number(text, low, high, &number)) return false;
  *value = static_cast<int>(number);
  return *value == number;
}

bool SetOption(const std::string& name, const char* value, bench::Plan* plan) {
  if (name == "--in-flight") return Whole(value, 1, 10'000, &plan->in_flight);
  if (name == "--channels") return Whole(value, 1, 1'000, &plan->channels);
  if (name == "--bytes") return Whole(value, 0, 60 << 20, &plan->bytes);
  if (name == "--seconds") return Number(value, 0.01, 86'400, &plan->seconds);
  if (name == "--warmup") return Number(value, 0, 3'600, &plan->warmup_s);
  if (name == "--allow-code") {
    plan->check_all = true;
    return Whole(value, 1, 100'000, &plan->allowed_code);
  }
  if (name == "--items") return Whole(value, 1, 10'000, &plan->items_per_message);
  if (name == "--message-bytes") return Whole(value, 1, 1 << 20, &plan->bytes_per_message);
  if (name == "--method") plan->method = value;
  if (name == "--request") plan->request = value;
  if (name == "--method" || name == "--request") return *value != '\0';
  if (name == "--service") {
    plan->service = value;
    return !plan->service.empty();
  }
  return false;
}

// What is wrong with the command line; empty when nothing is.
std::string Parse(int argc, char** argv, bench::Plan* plan) {
  if (argc < 3) return "expected a protocol and an address";
  plan->protocol = argv[1];
  plan->address = argv[2];
  const std::string& p = plan->protocol;
  if (p != "xsf" && p != "grpc" && p != "raw" && p != "json" && p != "stream" && p != "first" &&
      p != "count") {
    return "expected xsf, grpc, raw, json, stream, first or count, got " + p;
  }
  for (int i = 3; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--no-check") {
      plan->check = false;
    } else if (name == "--check-all") {
      plan->check_all = true;
    } else if (i + 1 == argc || !SetOption(name, argv[i + 1], plan)) {
      const std::string value = i + 1 < argc ? argv[i + 1] : "(none)";
      return "unknown option or bad value: " + name + " " + value;
    } else {
      ++i;
    }
  }
  if ((p == "count") != (!plan->method.empty() && !plan->request.empty())) {
    return "count needs --method and --request, which nothing else has";
  }
  if (plan->check_all && (p != "xsf" || !plan->check)) {
    return "--check-all and --allow-code are for xsf, and not with --no-check";
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && (std::string(argv[1]) == "--help" || std::string(argv[1]) == "-h")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  bench::Plan plan;
  if (const std::string wrong = Parse(argc, argv, &plan); !wrong.empty()) {
    std::fprintf(stderr, "bench_client: %s\n\n%s", wrong.c_str(), kUsage);
    return 2;
  }
  try {
    bench::Recorder recorder(plan.warmup_s, plan.seconds);
    if (plan.protocol == "xsf" || plan.protocol == "grpc") {
      bench::RunXsf(plan, &recorder);
    } else if (plan.protocol == "stream" || plan.protocol == "first") {
      bench::RunStream(plan, &recorder);
    } else if (plan.protocol == "count") {
      bench::RunCount(plan, &recorder);
    } else {
      bench::RunHttp(plan, &recorder);
    }
    std::printf("%s\n", recorder.Json().c_str());
    if (recorder.errors() == 0) return 0;
    std::fprintf(stderr, "bench_client: %llu errors, the first one: %s\n",
                 static_cast<unsigned long long>(recorder.errors()),
                 recorder.first_error().c_str());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_client: %s\n", e.what());
  }
  return 1;
}
