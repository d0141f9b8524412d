// SPDX-License-Identifier: Apache-2.0
// tests/loader/h2_peer.h: the front's HTTP/2 connection on one end of a socket pair, and nghttp2's
// client on the other.
#pragma once

#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader/front/h2_connection.h"
#include "tests/loader/connection_pair.h"

namespace aiges {

// What the client has of one answer.
struct Got {
  std::map<std::string, std::string> fields;  // Of head and trailers.
  std::string body;
  int blocks = 0;  // Of fields.
  bool ended = false;
  std::optional<uint32_t> reset;
};

class H2Client {
 public:
  explicit H2Client(int fd) : fd_(fd) {
    nghttp2_session_callbacks* all = nullptr;
    nghttp2_session_callbacks_new(&all);
    nghttp2_session_callbacks_set_on_header_callback(all, OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, OnData);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, OnFrame);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, OnClose);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_client_new2(&session, all, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(all);
    nghttp2_submit_settings(session, 0, nullptr, 0);
  }
  ~H2Client() { nghttp2_session_del(session); }

  // `body`: nothing for none, and an end with the head. `open`: the body goes on.
  int32_t Ask(std::vector<std::pair<std::string, std::string>> fields,
              std::optional<std::string> body, bool open = false) {
    std::vector<std::pair<std::string, std::string>> all = {
        {":method", "POST"}, {":scheme", "http"}, {":path", "/p?q=1"}, {":authority", "host"}};
    for (auto& field : fields) {
      if (field.first[0] == ':') {
        for (auto& own : all) {
          if (own.first == field.first) own.second = field.second;
        }
      } else {
        all.push_back(std::move(field));
      }
    }
    std::vector<nghttp2_nv> pairs;
    for (auto& [name, value] : all) {
      pairs.push_back({reinterpret_cast<uint8_t*>(name.data()),
                       reinterpret_cast<uint8_t*>(value.data()), name.size(), value.size(), 0});
    }
    auto source = std::make_shared<Body>();
    source->text = body.value_or("");
    source->open = open;
    nghttp2_data_provider provider;
    provider.source.ptr = source.get();
    provider.read_callback = ReadBody;
    const int32_t id = nghttp2_submit_request(session, nullptr, pairs.data(), pairs.size(),
                                              body ? &provider : nullptr, nullptr);
    bodies_[id] = source;
    return id;
  }
  void More(int32_t id, std::string_view text, bool open) {
    bodies_[id]->text.append(text);
    bodies_[id]->open = open;
    nghttp2_session_resume_data(session, id);
  }
  // The client has read so much.
  void Took(int32_t id, size_t n) { nghttp2_session_consume(session, id, n); }

  void Pump() {
    const uint8_t* data = nullptr;
    for (;;) {
      const ssize_t n = nghttp2_session_mem_send(session, &data);
      if (n <= 0) break;
      out_.append(reinterpret_cast<const char*>(data), static_cast<size_t>(n));
    }
    if (!out_.empty()) {
      const ssize_t n = ::send(fd_, out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n > 0) out_.erase(0, static_cast<size_t>(n));
      if (n < 0 && errno != EAGAIN) closed = true;
    }
    char in[16384];
    while (reads) {
      const ssize_t n = ::recv(fd_, in, sizeof in, MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN)) closed = true;
      if (n <= 0) break;
      nghttp2_session_mem_recv(session, reinterpret_cast<uint8_t*>(in), static_cast<size_t>(n));
    }
  }
  void SendRaw(std::string_view bytes) { out_.append(bytes); }

  nghttp2_session* session = nullptr;
  std::map<int32_t, Got> got;
  bool takes = true;  // Gives windows back at once.
  bool reads = true;
  bool closed = false;
  std::vector<std::pair<int32_t, uint32_t>> goaways;  // Last stream and code.
  int pongs = 0;

 private:
  struct Body {
    std::string text;
    bool open = false;
  };

  static H2Client& Of(void* user) { return *static_cast<H2Client*>(user); }
  static ssize_t ReadBody(nghttp2_session*, int32_t, uint8_t* to, size_t room, uint32_t* flags,
                          nghttp2_data_source* source, void*) {
    Body& body = *static_cast<Body*>(source->ptr);
    const size_t n = std::min(room, body.text.size());
    std::memcpy(to, body.text.data(), n);
    body.text.erase(0, n);
    if (body.text.empty() && !body.open) *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (n == 0 && body.open) return NGHTTP2_ERR_DEFERRED;
    return static_cast<ssize_t>(n);
  }
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t n,
                      const uint8_t* value, size_t v, uint8_t, void* user) {
    Of(user).got[frame->hd.stream_id].fields[std::string(reinterpret_cast<const char*>(name), n)] =
        std::string(reinterpret_cast<const char*>(value), v);
    return 0;
  }
  static int OnData(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data, size_t n,
                    void* user) {
    Of(user).got[id].body.append(reinterpret_cast<const char*>(data), n);
    if (Of(user).takes) nghttp2_session_consume(session, id, n);
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    H2Client& c = Of(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      c.goaways.emplace_back(frame->goaway.last_stream_id, frame->goaway.error_code);
    } else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
      ++c.pongs;
    } else if (frame->hd.type == NGHTTP2_HEADERS) {
      ++c.got[frame->hd.stream_id].blocks;
    } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
      c.got[frame->hd.stream_id].reset = frame->rst_stream.error_code;
    }
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      c.got[frame->hd.stream_id].ended = true;
    }
    return 0;
  }
  static int OnClose(nghttp2_session*, int32_t, uint32_t, void*) { return 0; }

  const int fd_;
  std::string out_;
  std::map<int32_t, std::shared_ptr<Body>> bodies_;
};

// Both ends.
class H2Pair : public ConnectionPair<H2Connection> {
 public:
  explicit H2Pair(Handler* handler, const H2Limits& limits = {}, const LimitSettings& all = {})
      : ConnectionPair(handler, limits, all) {
    if (server == nullptr) return;
    client = std::make_unique<H2Client>(client_fd());
    server->Start({});
  }

  ~H2Pair() { End(); }

  void Turn() override {
    client->Pump();
    TurnLane();
    client->Pump();
  }

  std::unique_ptr<H2Client> client;
};

}  // namespace aiges
