// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/limited_exchange.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "loader/access/limit_fields.h"
#include "loader/front/grpc_status.h"
#include "loader/protocols/openai/openai_request.h"
#include "loader/routes/passed_exchange.h"

namespace aiges {
namespace {

constexpr int kTooMany = 429;
constexpr std::string_view kRetryAfter = "retry-after", kExhausted = "8";

bool IsOpenAi(std::string_view path) {
  return std::any_of(std::begin(kOpenAiTasks), std::end(kOpenAiTasks),
                     [path](const OpenAiTask& task) { return path == task.path; });
}

class LimitedExchange final : public PassedExchange {
 public:
  explicit LimitedExchange(std::shared_ptr<Exchange> client)
      : PassedExchange(std::move(client)), note_(caller().origin->limits) {}

  void Begin(int status, Fields fields) override {
    const LimitNote::Said said = note_->Get();
    if (said.limits.empty()) return PassedExchange::Begin(status, std::move(fields));
    if (said.refused && status == kTooMany) {
      fields = Without(fields, kRetryAfter);
      fields.Add(kRetryAfter, std::to_string(RetryAfterOf(said)));
    }
    AddLimitFields(said, IsOpenAi(head().path()), &fields);
    PassedExchange::Begin(status, std::move(fields));
  }
  void End(Fields trailers) override {
    // XSF says in its messages what has failed, and ends well.
    if (trailers.Has("grpc-status") && note_->refused()) {
      const bool exhausted = trailers.Find("grpc-status") == kExhausted;
      const LimitNote::Said said = note_->Get();
      trailers.Add(kRetryAfter, std::to_string(RetryAfterOf(said)));
      if (exhausted) AddRetryInfo(said, &trailers);
    }
    PassedExchange::End(std::move(trailers));
  }

 private:
  static Fields Without(const Fields& fields, std::string_view name) {
    Fields out;
    for (const Fields::Field f : fields) {
      if (f.name != name) out.Add(f.name, f.value);
    }
    return out;
  }

  const std::shared_ptr<const LimitNote> note_;
};

}  // namespace

std::shared_ptr<Exchange> MakeLimited(std::shared_ptr<Exchange> exchange) {
  return std::make_shared<LimitedExchange>(std::move(exchange));
}

}  // namespace aiges
