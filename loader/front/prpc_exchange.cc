// SPDX-License-Identifier: Apache-2.0
#include "loader/front/prpc_exchange.h"

#include <algorithm>
#include <utility>

#include "loader/base/numbers.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr size_t kGrpcPrefix = 5;  // Of a message: whether it is packed, and its length.

// "%20" of grpc-message.
std::string Decoded(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool coded =
        text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0;
    out += coded ? static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])) : text[i];
    if (coded) i += 2;
  }
  return out;
}

}  // namespace

PrpcExchange::PrpcExchange(PrpcConnection* connection, RequestHead head, int64_t correlation_id)
    : connection_(connection),
      peer_(connection->peer_),
      lane_(*connection->env_.lane),
      head_(std::move(head)),
      correlation_id_(correlation_id) {}

void PrpcExchange::Note() { connection_->Wake(); }

void PrpcExchange::Took(size_t n) {
  if (over() || !connection_->Receives(*this)) return;
  connection_->untaken_ -= std::min(n, connection_->untaken_);
  Note();
}

void PrpcExchange::Begin(int status, Fields fields) {
  if (over() || begun_) return;
  begun_ = true;
  status_ = status;
  answer_ = std::move(fields);
}

bool PrpcExchange::Send(Bytes piece) {
  if (over() || !begun_ || ended_ || piece.empty()) return true;
  held_ += piece.size();
  if (held_ > connection_->env_.limits.answer) {
    Reset(ResetReason::kInternal);
    return true;
  }
  pieces_.push_back(std::move(piece));
  connection_->Count();
  return true;
}

void PrpcExchange::End(Fields trailers) {
  if (over() || !begun_ || ended_) return;
  ended_ = true;
  trailers_ = std::move(trailers);
  Note();
}

void PrpcExchange::Reset(ResetReason) {
  if (over()) return;
  Note();
  reset_ = true;
}

GrpcStatus PrpcExchange::Outcome() const {
  if (reset_) return {GrpcCode::kInternal, "the call was ended before it was answered"};
  const bool in_trailers = trailers_.Has("grpc-status");
  const Fields& fields = in_trailers ? trailers_ : answer_;
  uint64_t code = 0;
  if (status_ != 200 || !ReadWhole(fields.Find("grpc-status"), &code) || code > 16) {
    return {GrpcCode::kInternal, StrCat("expected an answer of gRPC, got HTTP ", status_)};
  }
  return {static_cast<GrpcCode>(code), Decoded(fields.Find("grpc-message"))};
}

void PrpcExchange::PassOn(OutQueue* out) {
  GrpcStatus status = Outcome();
  if (status.ok() && held_ < kGrpcPrefix) {
    status = {GrpcCode::kInternal, "expected an answer with a message, got none"};
  }
  out->Copy(WritePrpcAnswer(correlation_id_, status, held_ - std::min(held_, kGrpcPrefix)));
  size_t skip = kGrpcPrefix;
  for (Bytes& piece : pieces_) {
    if (!status.ok()) break;
    const size_t cut = std::min(skip, piece.size());
    skip -= cut;
    if (cut < piece.size()) out->Add(Bytes(piece.view().substr(cut), piece.owner()));
  }
  pieces_.clear();
  held_ = 0;
}

}  // namespace aiges
