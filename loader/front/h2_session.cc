// SPDX-License-Identifier: Apache-2.0
// What nghttp2 tells a connection, and how it is set up.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "loader/front/h2_connection.h"
#include "loader/front/h2_stream.h"

namespace aiges {
namespace {

// What frames cost that bring nothing by themselves.
constexpr int kCheap = 1, kDear = 10;
// What a connection earns by what is of use: clients answer a frame of data with two windows and a
// ping at most.
constexpr int kUseful = 4;
// Heads that are so many times too long are not even counted to their end.
constexpr size_t kHopeless = 8;
// What a head mostly has.
constexpr size_t kUsualFields = 14, kUsualBytes = 480;
// Of resets by the client, at once and for each second (CVE-2023-44487).
constexpr uint64_t kResets = 1000, kResetRate = 100;

std::string_view Text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

// A friend of both classes. Nothing in here calls anything of nghttp2 that could call back.
struct H2Callbacks {
  static H2Connection& Of(void* user) { return *static_cast<H2Connection*>(user); }
  static H2Stream* At(nghttp2_session* session, int32_t id) {
    return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int OnBeginFrame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
    H2Connection& c = Of(user);
    if (head->type == NGHTTP2_HEADERS) c.CheckClosed(head->type, head->stream_id);
    return c.OnBeginFrame(head->type, head->flags, head->length);
  }

  static int OnBeginHeaders(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    H2Connection& c = Of(user);
    c.last_opened_ = frame->hd.stream_id;
    if (c.streams_.empty()) c.SayResting(false);
    c.streams_.push_back(
        std::make_shared<H2Stream>(&c, frame->hd.stream_id, c.streams_.size(), c.env_.budget));
    c.streams_.back()->head_.fields.Reserve(kUsualFields, kUsualBytes);
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, c.streams_.back().get());
    return 0;
  }

  static int OnHeader(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                      void* user) {
    H2Stream* stream = At(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    Fields& fields = stream->head_came_ ? stream->trailers_ : stream->head_.fields;
    const size_t limit = Of(user).env_.limits.head_bytes;
    const size_t cost = name_size + value_size + Fields::kOverhead;
    stream->head_cost_ += cost;
    if (stream->head_cost_ > kHopeless * limit) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (fields.cost() + cost <= limit) {
      fields.Add(Text(name, name_size), Text(value, value_size));
    } else if (stream->head_came_) {
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    } else {
      stream->head_.flaw = Flaw::kHeadTooLarge;
    }
    return 0;
  }

  static int OnInvalidHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t,
                             const uint8_t*, size_t, uint8_t, void* user) {
    // By default such a field would be left out (RFC 9113, section 8.2.1: malformed).
    return Of(user).Spend(kDear) ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
  }

  static int OnInvalidFrame(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    Of(user).Spend(kDear);
    Of(user).Abandon(frame->hd.stream_id);  // It may be one that was refused.
    return 0;
  }

  static int OnFrame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    H2Connection& c = Of(user);
    const bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_SETTINGS:
        c.settled_ = true;
        return 0;
      case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) c.OnPong(frame->ping.opaque_data);
        return 0;
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA:
      case NGHTTP2_RST_STREAM:
        break;
      default:
        return 0;
    }
    H2Stream* stream = At(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
      stream->client_ended_ = true;
      return 0;
    }
    stream->client_ended_ = stream->client_ended_ || ended;
    if (!stream->head_came_) c.OnHead(stream, ended);
    if (ended && stream->responder_ != nullptr && !stream->reset_) {
      stream->responder_->OnBodyEnd(stream->trailers_);
    }
    return 0;
  }

  static int OnData(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data, size_t size,
                    void* user) {
    // The connection's window bounds what comes in one turn, a stream's what nobody has taken: one
    // that is not taken must not hold up the others.
    if (nghttp2_session_consume_connection(session, size) != 0) return NGHTTP2_ERR_CALLBACK_FAILURE;
    Of(user).Earn(kUseful);
    H2Stream* stream = At(session, id);
    if (stream == nullptr) return 0;
    if (stream->responder_ == nullptr || stream->reset_) {
      stream->Took(size);
    } else {
      stream->responder_->OnBody(Text(data, size));
    }
    return 0;
  }

  // Who has the whole answer need not go on with the request (RFC 9113, section 8.1).
  static int OnSent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_DATA) Of(user).Earn(kUseful);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    const int32_t id = frame->hd.stream_id;
    H2Stream* stream = At(session, id);
    if (stream != nullptr) stream->all_sent_ = true;
    if (nghttp2_session_get_stream_remote_close(session, id) == 0) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
    }
    return 0;
  }

  static int OnSendData(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t size,
                        nghttp2_data_source* source, void* user) {
    H2Connection& c = Of(user);
    auto* stream = static_cast<H2Stream*>(source->ptr);
    c.out_.Copy(Text(head, 9));
    stream->Move(size, &c.out_);
    if (stream->wants_room_ && stream->pending_ <= kRoomOut) {
      stream->wants_room_ = false;
      c.roomy_.push_back(stream->shared_from_this());
    }
    return c.out_.size() < H2Connection::kReady ? 0 : NGHTTP2_ERR_PAUSE;
  }

  static ssize_t MostOfFrame(nghttp2_session*, uint8_t, int32_t, int32_t all_window, int32_t window,
                             uint32_t frame, void*) {
    return std::min({all_window, window, static_cast<int32_t>(std::min(frame, kMostFrame))});
  }

  static int OnClose(nghttp2_session*, int32_t id, uint32_t error, void* user) {
    Of(user).OnClose(id, error);
    return 0;
  }

  // As much in one frame as others of the connection may have to wait for.
  static constexpr uint32_t kMostFrame = 64 * 1024;

  static nghttp2_session_callbacks* Make() {
    nghttp2_session_callbacks* all = nullptr;
    if (nghttp2_session_callbacks_new(&all) != 0) return nullptr;
    nghttp2_session_callbacks_set_on_begin_frame_callback(all, OnBeginFrame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(all, OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(all, OnHeader);
    nghttp2_session_callbacks_set_on_invalid_header_callback(all, OnInvalidHeader);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(all, OnInvalidFrame);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, OnFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, OnData);
    nghttp2_session_callbacks_set_on_frame_send_callback(all, OnSent);
    nghttp2_session_callbacks_set_send_data_callback(all, OnSendData);
    nghttp2_session_callbacks_set_data_source_read_length_callback(all, MostOfFrame);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, OnClose);
    return all;
  }
};

bool H2Connection::MakeSession() {
  nghttp2_session_callbacks* callbacks = H2Callbacks::Make();
  nghttp2_option* option = nullptr;
  if (callbacks == nullptr || nghttp2_option_new(&option) != 0) return false;
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_stream_reset_rate_limit(option, kResets, kResetRate);
  const int made = nghttp2_session_server_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  if (made != 0) return false;
  const H2Limits& limits = env_.limits;
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, limits.frame},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.head_bytes}};
  return nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0 &&
         nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                               static_cast<int32_t>(limits.all_window)) == 0;
}

// nghttp2 could remember closed streams to know this, at a quarter of a kilobyte for each of as
// many as may be open: a megabyte for every connection that is used.
void H2Connection::CheckClosed(uint8_t type, int32_t id) {
  // After a GOAWAY, and after our own end of a stream, more of it may still be on its way.
  if (id > last_opened_ || id <= forgotten_ || leaving_ != Leaving::kNo) return;
  if (nghttp2_session_find_stream(session_, id) != nullptr || abandoned_.contains(id)) return;
  if (type == NGHTTP2_HEADERS) {
    nghttp2_session_terminate_session(session_, NGHTTP2_STREAM_CLOSED);
  } else if (Spend(kDear)) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_STREAM_CLOSED);
  }
}

void H2Connection::Abandon(int32_t id) {
  abandoned_.insert(id);
  if (abandoned_.size() <= kMostAbandoned) return;
  forgotten_ = *abandoned_.begin();
  abandoned_.erase(abandoned_.begin());
}

int H2Connection::OnBeginFrame(uint8_t type, uint8_t flags, size_t length) {
  int cost = kCheap;
  switch (type) {
    case NGHTTP2_DATA:
      if (length > 0 || (flags & NGHTTP2_FLAG_END_STREAM) != 0) return 0;
      cost = kDear;
      break;
    case NGHTTP2_HEADERS:
      return 0;
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
      if ((flags & NGHTTP2_FLAG_ACK) != 0) return 0;
      cost = type == NGHTTP2_SETTINGS ? kDear : kCheap;
      break;
    default:
      break;
  }
  Spend(cost);
  return 0;
}

void H2Connection::OnHead(H2Stream* stream, bool ended) {
  stream->head_came_ = true;
  stream->head_cost_ = 0;
  RequestHead& head = stream->head_;
  head.arrived = last_read_;
  const std::string_view length = head.fields.Find("content-length");
  uint64_t n = 0;
  if (ended) {
    head.length = 0;
  } else if (!length.empty() &&
             std::from_chars(length.data(), length.data() + length.size(), n).ec == std::errc()) {
    head.length = n;
  }
  stream->bodiless_ = head.method() == "HEAD";
  if (!stream->head_share_.TrySet(head.fields.cost()) && head.flaw == Flaw::kNone) {
    head.flaw = Flaw::kNoRoom;
  }
  stream->responder_ = env_.handler->Begin(stream->shared_from_this());
  const bool waits = !ended && head.fields.Find("expect") == "100-continue";
  if (waits && stream->responder_ != nullptr && !stream->begun_) stream->Continue();
}

void H2Connection::OnPong(const uint8_t* data) {
  ping_out_ = false;
  if (leaving_ == Leaving::kNotice && std::memcmp(data, kLeaveMark, sizeof kLeaveMark) == 0) {
    name_last_ = true;
  }
}

void H2Connection::OnClose(int32_t id, uint32_t error) {
  H2Stream* stream = H2Callbacks::At(session_, id);
  if (stream == nullptr) return;
  Earn(kUseful);
  if (!stream->client_ended_) Abandon(id);
  const bool answered = error == NGHTTP2_NO_ERROR && stream->all_sent_;
  Remove(stream, stream->slow_    ? Over::kGone
                 : stream->reset_ ? Over::kReset
                 : answered       ? Over::kAnswered
                                  : Over::kGone);
}

}  // namespace aiges
