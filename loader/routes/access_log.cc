// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/access_log.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "loader/base/log.h"
#include "loader/base/strings.h"
#include "loader/front/grpc_status.h"
#include "loader/routes/passed_exchange.h"

namespace aiges {
namespace {

constexpr size_t kMostPath = 200;

std::string MsText(Duration d) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f ms", std::chrono::duration<double, std::milli>(d).count());
  return text;
}

class LoggedExchange final : public PassedExchange {
 public:
  using PassedExchange::PassedExchange;

  void Begin(int status, Fields fields) override {
    status_ = status;
    grpc_ = IsGrpc(fields.Find("content-type"));
    PassedExchange::Begin(status, std::move(fields));
  }
  bool Send(Bytes piece) override {
    sent_ += piece.size();
    return PassedExchange::Send(std::move(piece));
  }
  void End(Fields trailers) override {
    code_ = trailers.Find("grpc-status");
    PassedExchange::End(std::move(trailers));
    Tell("");
  }
  void Reset(ResetReason reason) override {
    PassedExchange::Reset(reason);
    Tell(", reset");
  }
  std::unique_ptr<ByteStream> TakeOver(std::string* begun) override {
    std::unique_ptr<ByteStream> stream = PassedExchange::TakeOver(begun);
    if (stream != nullptr) {
      status_ = 101;
      Tell("");
    }
    return stream;
  }

  void Came(size_t n) { came_ += n; }
  void OnOver(Over how) {
    if (how == Over::kGone) Tell(", the client left");
  }

 private:
  void Tell(const char* how) {
    if (std::exchange(told_, true)) return;
    const RequestHead& head = this->head();
    const std::string_view path = head.path().substr(0, kMostPath);
    std::string line = grpc_              ? "gRPC "
                       : head.version < 2 ? StrCat("HTTP/1.1 ", head.method(), " ")
                                          : StrCat("HTTP/2 ", head.method(), " ");
    StrAppend(&line, path, " ");
    if (grpc_ && !code_.empty()) {
      line += code_;
    } else if (status_ != 0 && !grpc_) {
      line += std::to_string(status_);
    } else {
      line += '-';
    }
    StrAppend(&line, " ", MsText(std::chrono::steady_clock::now() - head.arrived), ", ", came_,
              " > ", sent_, " bytes");
    if (!caller().name.empty()) StrAppend(&line, " by ", caller().name);
    const Origin* const origin = caller().origin.get();
    const bool traced = origin != nullptr && origin->trace.valid();
    if (traced) StrAppend(&line, ", trace ", TraceIdText(origin->trace));
    line += how;
    if (CurrentLogFormat() == LogFormat::kText) return LogInfo("access", line);
    Log(LogLevel::kInfo, "access", line, Members(path, traced ? origin : nullptr));
  }

  Pairs Members(std::string_view path, const Origin* origin) const {
    const RequestHead& head = this->head();
    const double ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - head.arrived)
            .count();
    Pairs out = {{"protocol", grpc_              ? "grpc"
                              : head.version < 2 ? "http/1.1"
                                                 : "http/2"},
                 {"method", std::string(head.method())},
                 {"path", std::string(path)},
                 {"#duration_ms", std::to_string(ms)},
                 {"#bytes_in", std::to_string(came_)},
                 {"#bytes_out", std::to_string(sent_)}};
    if (grpc_ && !code_.empty()) out.emplace_back("grpc_status", code_);
    if (!grpc_ && status_ != 0) out.emplace_back("#status", std::to_string(status_));
    out.emplace_back("peer", peer().address);
    if (!caller().name.empty()) out.emplace_back("caller", caller().name);
    if (origin == nullptr) return out;
    out.emplace_back("trace_id", TraceIdText(origin->trace));
    if (origin->trace.span != 0) out.emplace_back("span_id", SpanIdText(origin->trace.span));
    return out;
  }

  int status_ = 0;
  bool grpc_ = false, told_ = false;
  std::string code_;
  uint64_t came_ = 0, sent_ = 0;
};

class LoggedResponder final : public Responder {
 public:
  LoggedResponder(std::shared_ptr<LoggedExchange> exchange, std::unique_ptr<Responder> inner)
      : exchange_(std::move(exchange)), inner_(std::move(inner)) {}

  void OnBody(std::string_view piece) override {
    exchange_->Came(piece.size());
    inner_->OnBody(piece);
  }
  void OnBodyEnd(const Fields& trailers) override { inner_->OnBodyEnd(trailers); }
  void OnRoom() override { inner_->OnRoom(); }
  void OnOver(Over how) override {
    inner_->OnOver(how);
    exchange_->OnOver(how);
  }

 private:
  const std::shared_ptr<LoggedExchange> exchange_;
  const std::unique_ptr<Responder> inner_;
};

}  // namespace

std::unique_ptr<Responder> BeginLogged(
    std::shared_ptr<Exchange> exchange,
    const std::function<std::unique_ptr<Responder>(std::shared_ptr<Exchange>)>& begin) {
  auto logged = std::make_shared<LoggedExchange>(std::move(exchange));
  std::unique_ptr<Responder> responder = begin(logged);
  if (responder == nullptr) return nullptr;
  return std::make_unique<LoggedResponder>(std::move(logged), std::move(responder));
}

}  // namespace aiges
