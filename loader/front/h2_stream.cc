// SPDX-License-Identifier: Apache-2.0
#include "loader/front/h2_stream.h"

#include <algorithm>
#include <string>

namespace aiges {
namespace {

nghttp2_nv Pair(std::string_view name, std::string_view value) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NONE};
}

void AddTo(std::vector<nghttp2_nv>* out, const Fields& fields) {
  for (const Fields::Field f : fields) out->push_back(Pair(f.name, f.value));
}

uint32_t CodeOf(ResetReason reason) {
  switch (reason) {
    case ResetReason::kRefused:
      return NGHTTP2_REFUSED_STREAM;
    case ResetReason::kCancel:
      return NGHTTP2_CANCEL;
    case ResetReason::kCalm:
      return NGHTTP2_ENHANCE_YOUR_CALM;
    case ResetReason::kInternal:
    case ResetReason::kSlow:
      break;
  }
  return NGHTTP2_INTERNAL_ERROR;
}

}  // namespace

void H2Stream::Note() {
  if (noted_ || connection_ == nullptr) return;
  noted_ = true;
  connection_->dirty_.push_back(shared_from_this());
  connection_->Wake();
}

void H2Stream::Continue() {
  continue_ = true;
  Note();
}

void H2Stream::Took(size_t n) {
  if (over()) return;
  took_ += n;
  Note();
}

void H2Stream::Begin(int status, Fields fields) {
  if (over() || begun_) return;
  begun_ = true;
  status_ = status;
  answer_ = std::move(fields);
  Note();
}

bool H2Stream::Send(Bytes piece) {
  if (over() || !begun_ || ended_ || bodiless_ || piece.empty()) return true;
  if (pending_ == 0) moved_ = std::chrono::steady_clock::now();
  pending_ += piece.size();
  output_.Set(pending_);
  if (pieces_.capacity() == 0) pieces_.reserve(kUsualPieces);
  pieces_.push_back(std::move(piece));
  Note();
  wants_room_ = pending_ >= kEnoughOut;
  return !wants_room_;
}

void H2Stream::End(Fields trailers) {
  if (over() || !begun_ || ended_) return;
  ended_ = true;
  end_ = std::move(trailers);
  Note();
}

void H2Stream::Reset(ResetReason reason) {
  if (over()) return;
  reset_code_ = CodeOf(reason);
  Note();
  reset_ = true;
}

void H2Stream::PassOn(nghttp2_session* session) {
  noted_ = false;
  if (connection_ == nullptr) return;
  if (took_ > 0) nghttp2_session_consume_stream(session, id_, std::exchange(took_, 0));
  if (reset_) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id_, reset_code_);
    return;
  }
  if (std::exchange(continue_, false) && !submitted_) {
    const nghttp2_nv status = Pair(":status", "100");
    nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, id_, nullptr, &status, 1, nullptr);
  }
  if (!begun_) return;
  if (!submitted_) return Submit(session);
  if (!std::exchange(deferred_, false)) return;
  nghttp2_session_resume_data(session, id_);
}

void H2Stream::Submit(nghttp2_session* session) {
  submitted_ = true;
  const bool bare = ended_ && pending_ == 0;
  // Counted where it can be; the trailers of gRPC say more than a length would.
  const std::string status = std::to_string(status_), length = std::to_string(pending_);
  thread_local std::vector<nghttp2_nv> pairs;
  pairs.clear();
  pairs.push_back(Pair(":status", status));
  AddTo(&pairs, answer_);
  // RFC 9110, section 8.6: an answer without content has no length to tell.
  const bool content = !bodiless_ && status_ != 204 && status_ != 304;
  if (ended_ && end_.empty() && content && !answer_.Has("content-length")) {
    pairs.push_back(Pair("content-length", length));
  }
  if (bare) AddTo(&pairs, end_);
  nghttp2_data_provider provider;
  provider.source.ptr = this;
  provider.read_callback = [](nghttp2_session* s, int32_t, uint8_t*, size_t most, uint32_t* flags,
                              nghttp2_data_source* source, void*) {
    return static_cast<H2Stream*>(source->ptr)->Offer(s, most, flags);
  };
  nghttp2_submit_response(session, id_, pairs.data(), pairs.size(), bare ? nullptr : &provider);
}

ssize_t H2Stream::Offer(nghttp2_session* session, size_t most, uint32_t* flags) {
  const size_t n = std::min(most, pending_);
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (n < pending_ || !ended_) {
    if (n > 0) return static_cast<ssize_t>(n);
    deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!end_.empty()) {
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    thread_local std::vector<nghttp2_nv> pairs;
    pairs.clear();
    AddTo(&pairs, end_);
    nghttp2_submit_trailer(session, id_, pairs.data(), pairs.size());
  }
  return static_cast<ssize_t>(n);
}

void H2Stream::Move(size_t n, OutQueue* out) {
  pending_ -= n;
  output_.Set(pending_);
  while (n > 0) {
    Bytes& piece = pieces_[first_];
    const size_t size = std::min(n, piece.size() - offset_);
    n -= size;
    out->Add({piece.view().substr(offset_, size), piece.owner()});
    offset_ += size;
    if (offset_ < piece.size()) break;
    piece = {};
    ++first_;
    offset_ = 0;
  }
  if (pending_ == 0) {
    pieces_.clear();
    first_ = 0;
  } else {
    moved_ = std::chrono::steady_clock::now();
  }
}

}  // namespace aiges
