// SPDX-License-Identifier: Apache-2.0
#include "loader/front/h1_reader.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <limits>
#include <optional>
#include <utility>

#include "loader/base/strings.h"
#include "loader/front/http_head.h"

namespace aiges {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using beast::error_code;
using beast::iequals;

constexpr size_t kNames = 32;  // Longer names of fields cost an allocation.
// Of the begin of a chunk, with what clients may say there and nobody heeds.
constexpr size_t kMostLine = 16 * 1024;

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

void AddLowered(Fields* fields, beast::string_view name, beast::string_view value) {
  char lowered[kNames];
  if (name.size() > kNames) return fields->Add(Lowered(View(name)), View(value));
  std::transform(name.begin(), name.end(), lowered,
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  fields->Add({lowered, name.size()}, View(value));
}

bool HasToken(beast::string_view list, beast::string_view token) {
  return http::token_list{list}.exists(token);
}

}  // namespace

// What has come of a request.
struct H1Reader::Said {
  void Clear() {
    own.Clear();
    trailers.Clear();
    method.clear();
    target.clear();
    host.clear();
    coding.clear();
    cost = 0;
    hosts = codings = 0;
    last_coding_is_chunked = upgrades = false;
    manner = {};
  }

  Fields own, trailers;  // `own`: of the head, without those of the connection.
  std::string method, target, host, coding;
  size_t cost = 0;  // Of the head, or of the trailers.
  size_t hosts = 0, codings = 0;
  bool last_coding_is_chunked = false;
  bool upgrades = false;  // To a WebSocket.
  Manner manner;
};

class H1Reader::Grammar final : public http::basic_parser<true> {
 public:
  Grammar(Said* said, uint32_t most, Sink* sink) : s_(*said), most_(most), sink_(*sink) {
    header_limit(most);
    body_limit(std::numeric_limits<uint64_t>::max());  // Is the protocol's to bound.
  }

 private:
  void on_request_impl(http::verb, beast::string_view method, beast::string_view target,
                       int version, error_code&) override {
    s_.method.assign(method.data(), method.size());
    s_.target.assign(target.data(), target.size());
    s_.manner.http_1_0 = version < 11;
    s_.cost = method.size() + target.size();
  }
  void on_response_impl(int, beast::string_view, int, error_code&) override {}

  void on_field_impl(http::field name, beast::string_view text, beast::string_view value,
                     error_code& ec) override {
    s_.cost += text.size() + value.size() + Fields::kOverhead;
    if (s_.cost > most_) {
      ec = http::error::header_limit;
      return;
    }
    if (is_header_done()) return AddLowered(&s_.trailers, text, value);
    switch (name) {
      case http::field::host:
        if (s_.hosts++ == 0) s_.host.assign(value.data(), value.size());
        return;
      case http::field::transfer_encoding:
        if (s_.codings++ == 0) s_.coding.assign(value.data(), value.size());
        for (const auto& coding : http::token_list{value}) {
          s_.last_coding_is_chunked = iequals(coding, "chunked");
        }
        return;
      case http::field::upgrade:
        s_.upgrades = s_.upgrades || HasToken(value, "websocket");
        return;
      case http::field::connection:
      case http::field::keep_alive:
      case http::field::proxy_connection:
        return;
      case http::field::expect:
        s_.manner.expects_continue = iequals(value, "100-continue");
        break;
      case http::field::te:
        s_.manner.takes_trailers = s_.manner.takes_trailers || HasToken(value, "trailers");
        break;
      default:
        break;
    }
    AddLowered(&s_.own, text, value);
  }

  void on_header_impl(error_code&) override { s_.cost = 0; }
  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  size_t on_body_impl(beast::string_view piece, error_code&) override {
    sink_.OnPiece(View(piece));
    return piece.size();
  }
  void on_chunk_header_impl(uint64_t, beast::string_view, error_code&) override {}
  size_t on_chunk_body_impl(uint64_t, beast::string_view piece, error_code&) override {
    sink_.OnPiece(View(piece));
    return piece.size();
  }
  void on_finish_impl(error_code&) override {}

  Said& s_;
  const uint32_t most_;
  Sink& sink_;
};

struct H1Reader::State {
  State(uint32_t head_bytes, Sink* to) : most(head_bytes), sink(to) { Next(); }
  void Next() {
    said.Clear();
    grammar.emplace(&said, most, sink);
  }

  const uint32_t most;
  Sink* const sink;
  Said said;
  std::optional<Grammar> grammar;
  Error error{0, {}};
};

namespace {

// A field goes on in another line (section 5.2), which not every proxy reads as one field.
bool HasFold(std::string_view head) {
  for (size_t at = 0; (at = head.find("\r\n", at)) != head.npos; at += 2) {
    if (at + 2 < head.size() && (head[at + 2] == ' ' || head[at + 2] == '\t')) return true;
  }
  return false;
}

H1Reader::Error ErrorOf(const error_code& ec) {
  int status = 400;
  if (ec == http::error::header_limit) status = 431;
  if (ec == http::error::bad_version) status = 505;
  return {status, StrCat("not a valid HTTP/1.1 request: ", ec.message())};
}

}  // namespace

H1Reader::H1Reader(uint32_t head_bytes, Sink* sink)
    : state_(std::make_unique<State>(head_bytes, sink)) {}

H1Reader::~H1Reader() = default;

void H1Reader::Next() { state_->Next(); }
bool H1Reader::done() const { return state_->grammar->is_done(); }
const H1Reader::Manner& H1Reader::manner() const { return state_->said.manner; }
const Fields& H1Reader::trailers() const { return state_->said.trailers; }
const H1Reader::Error& H1Reader::error() const { return state_->error; }

H1Reader::Step H1Reader::Take(std::string_view* bytes) {
  State& s = *state_;
  Grammar& grammar = *s.grammar;
  const bool head = !grammar.is_header_done();
  grammar.eager(!head);  // A head may be refused: stop behind it.
  error_code ec;
  const std::string_view before = *bytes;
  do {
    bytes->remove_prefix(grammar.put(boost::asio::const_buffer(bytes->data(), bytes->size()), ec));
    // The start line and the fields are two steps.
  } while (!ec && head && !grammar.is_header_done() && !bytes->empty());
  if (head && HasFold(before.substr(0, before.size() - bytes->size()))) {
    ec = http::error::bad_obs_fold;
  }
  if (ec && ec != http::error::need_more) {
    s.error = ErrorOf(ec);
    return Step::kBroken;
  }
  if (head && grammar.is_header_done()) return CheckHead();
  if (grammar.is_done()) return Step::kEnd;
  if (!head && bytes->size() > s.most + kMostLine) {
    s.error = {400, "not a valid HTTP/1.1 request: the begin of a chunk is too long"};
    return Step::kBroken;
  }
  return Step::kMore;
}

// Of RFC 9112. Section 3.2: one Host. Section 6.1: only `chunked`, once, and not from HTTP/1.0,
// whose proxies do not know it.
H1Reader::Step H1Reader::CheckHead() {
  Said& s = state_->said;
  Error& error = state_->error;
  const Grammar& grammar = *state_->grammar;
  s.manner.keep_alive = grammar.keep_alive();
  s.upgrades = s.upgrades && grammar.upgrade() && !s.manner.http_1_0 && s.method == "GET";
  if (s.hosts > 1 || (s.hosts == 0 && !s.manner.http_1_0)) {
    error = {400, StrCat("not a valid HTTP/1.1 request: expected one Host header, got ", s.hosts)};
    return Step::kBroken;
  }
  if (s.codings > 0 && s.manner.http_1_0) {
    error = {400, "not a valid HTTP/1.0 request: it has a Transfer-Encoding"};
    return Step::kBroken;
  }
  if (s.codings > 1 || (s.codings == 1 && !iequals(s.coding, "chunked"))) {
    error = {s.last_coding_is_chunked ? 501 : 400,
             StrCat("Transfer-Encoding: expected chunked, got ", s.coding)};
    return Step::kBroken;
  }
  return Step::kHead;
}

RequestHead H1Reader::TakeHead(bool tls) {
  const Said& s = state_->said;
  RequestHead head;
  head.version = 1;
  head.websocket = s.upgrades;
  if (done()) {
    head.length = 0;
  } else if (const auto length = state_->grammar->content_length()) {
    head.length = *length;
  }
  std::string_view authority = s.host;
  const std::string_view path = OriginForm(s.target, &authority);
  constexpr size_t kOwn = 4, kOwnBytes = sizeof(":method:scheme:authority:pathhttps");
  head.fields.Reserve(s.own.size() + kOwn,
                      s.own.bytes() + s.method.size() + authority.size() + path.size() + kOwnBytes);
  head.fields.Add(":method", s.method);
  head.fields.Add(":scheme", tls ? "https" : "http");
  if (!authority.empty()) head.fields.Add(":authority", authority);
  head.fields.Add(":path", path);
  head.fields.Append(s.own);
  return head;
}

}  // namespace aiges
