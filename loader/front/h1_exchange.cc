// SPDX-License-Identifier: Apache-2.0
#include "loader/front/h1_exchange.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "loader/base/numbers.h"
#include "loader/front/http_head.h"

namespace aiges {
namespace {

std::optional<uint64_t> AnnouncedLength(const Fields& fields) {
  const std::string_view text = fields.Find("content-length");
  uint64_t length = 0;
  return ReadWhole(text, &length) ? std::optional(length) : std::nullopt;
}

// RFC 9110, section 8.6: these have no content, and no length to tell.
bool HasNoContent(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

H1Exchange::H1Exchange(H1Connection* connection, RequestHead head, const H1Reader::Manner& manner)
    : connection_(connection),
      peer_(connection->peer_),
      lane_(*connection->env_.lane),
      head_(std::move(head)),
      http_1_0_(manner.http_1_0),
      takes_trailers_(manner.takes_trailers),
      bodiless_(head_.method() == "HEAD") {}

void H1Exchange::Note() {
  connection_->noted_ = true;
  connection_->Wake();
}

void H1Exchange::Took(size_t n) {
  if (over()) return;
  connection_->untaken_ -= std::min(n, connection_->untaken_);
  Note();
}

void H1Exchange::Begin(int status, Fields fields) {
  if (over() || begun_) return;
  begun_ = true;
  status_ = status;
  answer_ = std::move(fields);
  Note();
}

bool H1Exchange::Send(Bytes piece) {
  if (over() || !begun_ || ended_ || piece.empty()) return true;
  sent_ += piece.size();
  if (bodiless_ || HasNoContent(status_)) return true;
  held_ += piece.size();
  pieces_.push_back(std::move(piece));
  connection_->Count();
  Note();
  wants_room_ = pending() >= kEnoughOut;
  return !wants_room_;
}

void H1Exchange::End(Fields trailers) {
  if (over() || !begun_ || ended_) return;
  ended_ = true;
  trailers_ = std::move(trailers);
  Note();
}

void H1Exchange::Reset(ResetReason) {
  if (over()) return;
  Note();
  reset_ = true;
}

std::unique_ptr<ByteStream> H1Exchange::TakeOver(std::string* begun) {
  if (over() || begun_ || !head_.websocket) return nullptr;
  return connection_->HandOver(begun);
}

size_t H1Exchange::pending() const {
  return connection_ == nullptr ? 0 : held_ + connection_->out_.size();
}

bool H1Exchange::PassOn(OutQueue* out, bool* keep_alive) {
  if (!begun_) return true;
  if (!head_passed_) PassHead(out, keep_alive);
  if (left_ && held_ > *left_) return false;  // More than was announced.
  if (left_) *left_ -= held_;
  PassPieces(out);
  if (!ended_) return true;
  if (chunked_ && !bodiless_) {
    std::string end = "0\r\n";
    if (takes_trailers_) AppendFields(&end, trailers_);
    out->Copy(end += "\r\n");
  }
  return left_.value_or(0) == 0;
}

void H1Exchange::PassHead(OutQueue* out, bool* keep_alive) {
  head_passed_ = true;
  H1Framing framing;
  const bool content = !HasNoContent(status_);
  // A head with its trailers is one with both.
  if (ended_ && sent_ == 0) answer_.Append(std::exchange(trailers_, {}));
  const bool wants_trailers = takes_trailers_ && !trailers_.empty();
  const std::optional<uint64_t> announced = AnnouncedLength(answer_);
  if (content && announced) {
    if (!bodiless_) left_ = announced;
  } else if (content && ended_ && !wants_trailers) {
    framing.length = sent_;
  } else if (content && !http_1_0_) {
    framing.chunked = chunked_ = true;
  } else if (content) {
    *keep_alive = false;  // The end of the connection is the end of the answer.
  }
  if (!*keep_alive) {
    framing.connection = "close";
  } else if (http_1_0_) {
    framing.connection = "keep-alive";
  }
  std::string head;
  AppendHead(&head, status_, answer_, framing);
  out->Copy(head);
  answer_ = {};
}

void H1Exchange::PassPieces(OutQueue* out) {
  if (held_ == 0) return;
  if (chunked_) {
    char size[24] = {};
    char* const end = std::to_chars(size, size + sizeof size - 2, held_, 16).ptr;
    out->Copy(std::string_view(size, static_cast<size_t>(end - size)));
    out->Copy("\r\n");
  }
  for (Bytes& piece : pieces_) out->Add(std::move(piece));
  if (chunked_) out->Copy("\r\n");
  pieces_.clear();
  held_ = 0;
}

}  // namespace aiges
