// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/grpc_web.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "loader/base/strings.h"
#include "loader/front/base64.h"
#include "loader/front/byte_stream.h"
#include "loader/front/grpc_call.h"

namespace aiges {
namespace {

constexpr std::string_view kWeb = "application/grpc-web";
constexpr std::string_view kText = "-text";
constexpr std::string_view kGrpc = "application/grpc";
// Bytes that become one piece of text: whole groups, so that only the last has padding.
constexpr size_t kTextPiece = 3 * 16 * 1024;
constexpr char kTrailers = '\x80';

bool IsText(std::string_view content_type) {
  return content_type.substr(kWeb.size()).starts_with(kText);
}

void AddOrigin(std::string_view allowed, Fields* fields) {
  if (allowed != "*") fields->Add("vary", "Origin");
  if (!allowed.empty()) fields->Add("access-control-allow-origin", allowed);
}

// As HTTP/1.1 has a head, in one frame.
std::string TrailersFrame(const Fields& trailers) {
  std::string lines;
  for (const Fields::Field f : trailers) StrAppend(&lines, f.name, ": ", f.value, "\r\n");
  std::string frame(FrameHead(lines.size(), /*packed=*/false).view());
  frame[0] = kTrailers;
  return frame + lines;
}

// The call, as its method sees it.
class WebExchange final : public Exchange {
 public:
  WebExchange(std::shared_ptr<Exchange> client, std::string_view allowed)
      : client_(std::move(client)), allowed_(allowed), head_(client_->head()) {
    const std::string_view type = client_->head().fields.Find("content-type");
    SetCaller(client_->caller());
    is_text_ = IsText(type);
    suffix_ = type.substr(kWeb.size() + (is_text_ ? kText.size() : 0));
    head_.fields = {};
    for (const Fields::Field f : client_->head().fields) {
      const bool is_type = f.name == "content-type";
      head_.fields.Add(f.name, is_type ? StrCat(kGrpc, suffix_) : std::string(f.value));
    }
    head_.version = 2;  // Trailers arrive.
    if (is_text_) head_.length = std::nullopt;
  }

  const RequestHead& head() const override { return head_; }
  const Peer& peer() const override { return client_->peer(); }
  Lane& lane() const override { return client_->lane(); }
  size_t pending() const override { return client_->pending(); }
  bool over() const override { return over_ || client_->over(); }
  std::unique_ptr<ByteStream> TakeOver(std::string*) override { return nullptr; }

  void Took(size_t n) override {
    if (!is_text_) return client_->Took(n);
    // Of what came, as much as was taken of what it means.
    decoded_ -= std::min(n, decoded_);
    const size_t all = std::exchange(came_, decoded_ == 0 ? 0 : came_ - std::min(came_, n / 3 * 4));
    if (all > came_) client_->Took(all - came_);
  }

  void Begin(int status, Fields fields) override {
    if (failed_) return;
    begun_ = true;
    Fields out;
    for (const Fields::Field f : fields) {
      const bool is_type = f.name == "content-type" && f.value.starts_with(kGrpc);
      is_call_ = is_call_ || is_type;
      out.Add(f.name,
              is_type ? StrCat(kWeb, is_text_ ? kText : "", suffix_) : std::string(f.value));
    }
    AddOrigin(allowed_, &out);
    if (!allowed_.empty()) {
      out.Add("access-control-expose-headers",
              "grpc-status, grpc-message, grpc-status-details-bin, grpc-encoding, x-request-id");
    }
    client_->Begin(status, std::move(out));
  }

  bool Send(Bytes piece) override {
    if (failed_) return true;
    if (!is_text_ || !is_call_) return client_->Send(std::move(piece));
    bool room = true;
    for (std::string_view rest = piece.view(); !rest.empty();) {
      const std::string_view part = rest.substr(0, kTextPiece);
      rest.remove_prefix(part.size());
      std::string text;
      AppendBase64(&text, part);
      room = client_->Send(Bytes::Own(std::move(text)));
    }
    return room;
  }

  void End(Fields trailers) override {
    if (failed_) return;
    if (is_call_) Send(Bytes::Own(TrailersFrame(trailers)));
    client_->End();
  }

  void Reset(ResetReason reason) override {
    if (!failed_) client_->Reset(reason);
  }

  // The next piece of the body; what it means is in `out`. Not ok: it means nothing.
  GrpcStatus Decode(std::string_view piece, std::string* out) {
    came_ += piece.size();
    if (!reader_.Read(piece, out)) {
      return {GrpcCode::kInternal, "the body is no base64, as the content type says"};
    }
    decoded_ += out->size();
    if (decoded_ == 0) client_->Took(std::exchange(came_, 0));  // Nobody else says that.
    return {};
  }
  GrpcStatus EndBody() const {
    if (!reader_.within()) return {};
    return {GrpcCode::kInternal, "the body has ended in the middle of four characters of base64"};
  }

  // Ends the call in place of its method, which is not heard any more.
  void Fail(const GrpcStatus& status) {
    if (!begun_) {
      RefuseGrpc(this, status);
    } else {
      client_->Reset(ResetReason::kInternal);
    }
    failed_ = true;
  }
  bool failed() const { return failed_; }
  bool is_text() const { return is_text_; }
  void SetOver() { over_ = true; }

 private:
  const std::shared_ptr<Exchange> client_;
  const std::string allowed_;
  RequestHead head_;
  std::string suffix_;
  Base64Reader reader_;
  size_t came_ = 0, decoded_ = 0;  // Of the body, not taken: as text, and what it means.
  bool is_text_ = false, is_call_ = false, begun_ = false, failed_ = false, over_ = false;
};

class WebResponder final : public Responder {
 public:
  WebResponder(std::shared_ptr<WebExchange> exchange, std::unique_ptr<Responder> method)
      : exchange_(std::move(exchange)), method_(std::move(method)) {}

  void OnBody(std::string_view piece) override {
    if (!exchange_->is_text()) return method_->OnBody(piece);
    if (exchange_->failed()) return;
    std::string bytes;
    const GrpcStatus status = exchange_->Decode(piece, &bytes);
    if (!status.ok()) return exchange_->Fail(status);
    if (!bytes.empty()) method_->OnBody(bytes);
  }
  void OnBodyEnd(const Fields& trailers) override {
    if (exchange_->failed()) return;
    const GrpcStatus status = exchange_->EndBody();
    if (!status.ok()) return exchange_->Fail(status);
    method_->OnBodyEnd(trailers);
  }
  void OnRoom() override {
    if (!exchange_->failed()) method_->OnRoom();
  }
  void OnOver(Over how) override {
    // A call that was ended in its place is lost for the method.
    const bool failed = exchange_->failed();
    exchange_->SetOver();
    method_->OnOver(failed ? Over::kGone : how);
  }

 private:
  const std::shared_ptr<WebExchange> exchange_;
  const std::unique_ptr<Responder> method_;
};

}  // namespace

bool IsGrpcWeb(std::string_view content_type) {
  if (!content_type.starts_with(kWeb)) return false;
  content_type.remove_prefix(kWeb.size());
  if (content_type.starts_with(kText)) content_type.remove_prefix(kText.size());
  return content_type.empty() || content_type[0] == '+' || content_type[0] == ';';
}

void AnswerGrpcWebOptions(Exchange* exchange, std::string_view allowed) {
  const Fields& asked = exchange->head().fields;
  Fields fields{{"allow", "POST, OPTIONS"}};
  AddOrigin(allowed, &fields);
  if (!allowed.empty() && asked.Has("access-control-request-method")) {
    fields.Add("access-control-allow-methods", "POST");
    const std::string_view wanted = asked.Find("access-control-request-headers");
    if (!wanted.empty()) fields.Add("access-control-allow-headers", wanted);
    fields.Add("access-control-max-age", "7200");
  }
  exchange->Begin(204, std::move(fields));
  exchange->End();
}

std::unique_ptr<Responder> BeginGrpcWeb(std::shared_ptr<Exchange> exchange,
                                        std::string_view allowed, const GrpcBegin& begin) {
  auto web = std::make_shared<WebExchange>(std::move(exchange), allowed);
  std::unique_ptr<Responder> method = begin(web);
  if (method == nullptr) return nullptr;
  return std::make_unique<WebResponder>(std::move(web), std::move(method));
}

bool Base64Reader::Read(std::string_view piece, std::string* out) {
  while (!piece.empty()) {
    // Whole groups without padding at once.
    if (group_.empty() && piece.size() >= 4) {
      const size_t whole = std::min(piece.find('='), piece.size()) / 4 * 4;
      if (whole > 0) {
        const std::optional<std::string> bytes = DecodeBase64(piece.substr(0, whole));
        if (!bytes) return false;
        out->append(*bytes);
        piece.remove_prefix(whole);
        continue;
      }
    }
    const size_t n = std::min(4 - group_.size(), piece.size());
    group_.append(piece.substr(0, n));
    piece.remove_prefix(n);
    if (group_.size() < 4) return true;
    const std::optional<std::string> bytes = DecodeBase64(std::exchange(group_, {}));
    if (!bytes) return false;
    out->append(*bytes);
  }
  return true;
}

}  // namespace aiges
