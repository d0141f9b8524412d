// SPDX-License-Identifier: Apache-2.0
#include "loader/front/h2_connection.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <utility>

#include "loader/front/h2_stream.h"
#include "loader/front/pace.h"

namespace aiges {
namespace {

// Reads in one turn, and bytes written in one: others of the lane want their turn, too.
constexpr int kReads = 4;
constexpr size_t kTurn = 1024 * 1024;
constexpr size_t kPieces = 64;  // Of one write.
constexpr int64_t kMostPoints = 10'000, kPointsEachSecond = 1000;
constexpr std::chrono::seconds kLinger{2};
// How long what was sent before the client heard of the end is waited for.
constexpr std::chrono::seconds kNotice{1};

TimePoint Now() { return std::chrono::steady_clock::now(); }

}  // namespace

H2Connection::H2Connection(std::unique_ptr<ByteStream> stream, Peer peer, Env* env)
    : stream_(std::move(stream)),
      peer_(std::make_shared<const Peer>(std::move(peer))),
      env_(*env),
      output_(&env->budget->output),
      begun_(Now()),
      last_read_(begun_),
      last_write_(begun_),
      idle_since_(begun_),
      age_limit_(WithJitter(env->limits.age)),
      points_(kMostPoints),
      points_since_(begun_) {}

H2Connection::~H2Connection() {
  if (session_ != nullptr) nghttp2_session_del(session_);
}

void H2Connection::Start(std::string_view begun) {
  if (!MakeSession()) return Close();
  SayResting(true);
  if (!begun.empty()) Receive(begun);
  Flush();
  if (state_ != State::kClosed) Wait();
}

void H2Connection::Wait() {
  stream_->WaitReadable([self = shared_from_this()] { self->OnReadable(); });
}

void H2Connection::OnReadable() {
  if (state_ == State::kClosed) return;
  last_read_ = Now();
  for (int i = 0; i < kReads; ++i) {
    const ByteStream::Moved got = stream_->Read(env_.scratch, env_.scratch_size);
    if (got.result == ByteStream::Result::kAgain) break;
    // Half of a connection is none: who can no longer ask has no use for answers either.
    if (got.result != ByteStream::Result::kDone) return Close();
    if (state_ == State::kOpen) Receive({env_.scratch, got.n});
    if (got.n < env_.scratch_size) break;
  }
  Flush();
  if (state_ != State::kClosed) Wait();
}

void H2Connection::Receive(std::string_view bytes) {
  receiving_ = true;
  size_t fed = 0, seen = 0;
  for (int32_t id; (id = data_heads_.Next(bytes, &seen)) >= 0;) {
    Feed(bytes.substr(fed, seen - 1 - fed));  // Not the end of the head.
    fed = seen - 1;
    CheckClosed(NGHTTP2_DATA, id);
  }
  Feed(bytes.substr(fed));
  receiving_ = false;
}

void H2Connection::Feed(std::string_view bytes) {
  if (broken_ || bytes.empty()) return;
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  if (nghttp2_session_mem_recv(session_, data, bytes.size()) < 0) broken_ = true;
}

void H2Connection::Wake() {
  if (wakes_ || receiving_ || state_ != State::kOpen) return;
  wakes_ = true;
  env_.lane->Gather([self = shared_from_this()] {
    self->wakes_ = false;
    self->Flush();
  });
}

void H2Connection::Flush() {
  if (state_ != State::kOpen || flushing_) return;
  flushing_ = true;
  bool more = true;
  for (size_t written = 0; more;) {
    PassOn();
    Gather();
    TellRoom();
    const size_t size = out_.size();
    if (!Write()) break;
    written += size;
    more = !dirty_.empty() || (size > 0 && nghttp2_session_want_write(session_) != 0);
    if (more && written >= kTurn) break;
  }
  flushing_ = false;
  if (state_ != State::kOpen) return;
  output_.Set(out_.size());
  const bool wants =
      nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0;
  if (out_.empty() && (broken_ || !wants)) return Linger();
  if (more && !waits_write_) Wake();
}

void H2Connection::PassOn() {
  if (std::exchange(name_last_, false)) NameLast();
  std::vector<std::shared_ptr<H2Stream>> noted;
  noted.swap(dirty_);
  for (const auto& stream : noted) stream->PassOn(session_);
  noted.clear();
  if (dirty_.empty()) dirty_.swap(noted);  // Keeps the memory.
}

void H2Connection::Gather() {
  const uint8_t* data = nullptr;
  while (out_.size() < kReady && !broken_) {
    const ssize_t n = nghttp2_session_mem_send(session_, &data);
    if (n < 0) broken_ = true;
    if (n <= 0) return;
    out_.Copy({reinterpret_cast<const char*>(data), static_cast<size_t>(n)});
  }
}

// All of it: true.
bool H2Connection::Write() {
  iovec pieces[kPieces];
  while (!out_.empty() && !waits_write_) {
    const ByteStream::Moved put = stream_->Write(pieces, out_.Fill(pieces, kPieces));
    if (put.result == ByteStream::Result::kDone) {
      out_.Drop(put.n);
      wrote_ = true;
      continue;
    }
    if (put.result != ByteStream::Result::kAgain) {
      Close();
      return false;
    }
    waits_write_ = true;
    stream_->WaitWritable([self = shared_from_this()] {
      self->waits_write_ = false;
      self->Flush();
    });
  }
  return out_.empty();
}

void H2Connection::TellRoom() {
  std::vector<std::shared_ptr<H2Stream>> roomy;
  roomy.swap(roomy_);
  for (const auto& stream : roomy) {
    if (!stream->over() && stream->responder_ != nullptr) stream->responder_->OnRoom();
  }
}

void H2Connection::GoAway() {
  if (leaving_ != Leaving::kNo || state_ != State::kOpen) return;
  leaving_ = Leaving::kNotice;
  left_ = Now();
  nghttp2_submit_shutdown_notice(session_);
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, kLeaveMark);
  Wake();
}

void H2Connection::NameLast() {
  leaving_ = Leaving::kLast;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

// Lets the client read what it was told before the socket goes: closing with unread bytes would
// reset the connection.
void H2Connection::Linger() {
  state_ = State::kLingering;
  left_ = Now();
  stream_->ShutdownWrite();
  while (!streams_.empty()) Remove(streams_.back().get(), Over::kGone);
}

void H2Connection::Close() {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  state_ = State::kClosed;
  stream_->Close();
  while (!streams_.empty()) Remove(streams_.back().get(), Over::kGone);
  dirty_.clear();
  roomy_.clear();
  out_ = {};
  output_.Set(0);
  if (session_ != nullptr) nghttp2_session_del(std::exchange(session_, nullptr));
  env_.closed(this);
}

void H2Connection::Remove(H2Stream* stream, Over how) {
  const size_t index = stream->index_;
  const std::shared_ptr<H2Stream> gone = std::move(streams_[index]);
  if (index + 1 < streams_.size()) {
    streams_[index] = std::move(streams_.back());
    streams_[index]->index_ = index;
  }
  streams_.pop_back();
  if (streams_.empty()) {
    idle_since_ = last_read_;
    SayResting(true);
  }
  nghttp2_session_set_stream_user_data(session_, gone->id_, nullptr);
  gone->connection_ = nullptr;
  gone->pieces_.clear();
  gone->pending_ = 0;
  gone->output_.Set(0);
  gone->head_share_.Set(0);
  const std::unique_ptr<Responder> responder = std::move(gone->responder_);
  if (responder != nullptr) responder->OnOver(how);
}

void H2Connection::SayResting(bool resting) {
  if (env_.resting && state_ != State::kClosed) env_.resting(this, resting);
}

void H2Connection::Earn(int points) { points_ = std::min(points_ + points, kMostPoints); }

bool H2Connection::Spend(int points) {
  points_ -= points;
  if (points_ >= 0) return true;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(last_read_ - points_since_);
  points_since_ = last_read_;
  points_ = std::min(kMostPoints, points_ + ms.count() * kPointsEachSecond / 1000);
  if (points_ >= 0) return true;
  if (!std::exchange(told_calm_, true)) {
    nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
  }
  return false;
}

void H2Connection::CheckTime(TimePoint now) {
  if (state_ == State::kClosed) return;
  if (state_ == State::kLingering) {
    if (now - left_ >= kLinger) Close();
    return;
  }
  const H2Limits& limits = env_.limits;
  if (!settled_ && now - begun_ >= limits.handshake) return Close();
  if (std::exchange(wrote_, false) || out_.empty()) last_write_ = now;
  const bool hurry = env_.budget->output.Short();
  const Duration stall = hurry ? std::min(limits.stall, limits.stall_short) : limits.stall;
  if (now - last_write_ >= stall) return Close();
  if (ping_out_ && now - pinged_ >= limits.ping_timeout) {
    if (last_read_ < pinged_) return Close();
    ping_out_ = false;  // It is there, and busy.
  }
  if (!ping_out_ && now - last_read_ >= limits.ping_after) {
    ping_out_ = true;
    pinged_ = now;
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    Wake();
  }
  if (leaving_ == Leaving::kNotice && now - left_ >= kNotice) {
    name_last_ = true;
    Wake();
  }
  const bool old = limits.age > Duration::zero() && now - begun_ >= age_limit_;
  if (old || (streams_.empty() && now - idle_since_ >= limits.idle)) GoAway();
  if (old && now - begun_ >= age_limit_ + limits.age_grace) return Close();
  CheckStalled(now, stall);
}

// Of its own accord a client that does not take one answer holds its memory for ever.
void H2Connection::CheckStalled(TimePoint now, Duration stall) {
  for (const auto& stream : streams_) {
    if (stream->pending_ == 0 || stream->reset_ || now - stream->moved_ < stall) continue;
    stream->slow_ = true;
    stream->Reset(ResetReason::kSlow);
  }
}

}  // namespace aiges
