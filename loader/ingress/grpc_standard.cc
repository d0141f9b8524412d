#include "loader/ingress/grpc_standard.h"

#include <array>
#include <string_view>
#include <utility>

#include "health.pb.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr int kPosted = 4;
constexpr std::string_view kCheckPath = "/grpc.health.v1.Health/Check";
constexpr std::string_view kWatchPath = "/grpc.health.v1.Health/Watch";
constexpr std::string_view kReflectionPaths[] = {
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"};

enum class Method { kCheck, kWatch, kReflection, kOther };

Method MethodOf(std::string_view path) {
  if (path == kCheckPath) return Method::kCheck;
  if (path == kWatchPath) return Method::kWatch;
  if (path == kReflectionPaths[0] || path == kReflectionPaths[1]) return Method::kReflection;
  return Method::kOther;
}

std::string Text(const grpc::ByteBuffer& message) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!message.Dump(&slices).ok()) return text;
  for (const grpc::Slice& s : slices) text.append(reinterpret_cast<const char*>(s.begin()), s.size());
  return text;
}

grpc::ByteBuffer Message(const std::string& text) {
  const grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

// One call. At most one of read_, wrote_ and finished_ is outstanding at a time, beside done_
// (the call is over, with or without the client's will); deletes itself after the last of them.
class StandardCall final : public StandardServices::OpenCall {
 public:
  StandardCall(StandardServices* services, grpc::AsyncGenericService* service, GrpcLane* lane)
      : services_(*services), service_(*service), lane_(*lane), stream_(&context_) {
    context_.AsyncNotifyWhenDone(&done_);
    service_.RequestCall(&context_, &stream_, lane_.queue(), lane_.queue(), &arrived_);
  }

  void OnHealth() override {
    if (last_.empty()) return;  // Not a Watch, or not that far.
    changed_ = true;
    if (!busy_) Next();
  }
  void Cancel() override { context_.TryCancel(); }

 private:
  void OnArrived(bool ok) {
    if (!ok) {  // Shutting down.
      delete this;
      return;
    }
    new StandardCall(&services_, &service_, &lane_);
    lane_.Enter();
    services_.Add(this);
    method_ = MethodOf(context_.method());
    if (method_ == Method::kOther) {
      return Finish({grpc::StatusCode::UNIMPLEMENTED,
                     StrCat("no method ", context_.method(),
                            "; there are /utils.XsfCall/call, grpc.health.v1.Health and "
                            "grpc.reflection.v1.ServerReflection")});
    }
    Read();
  }

  void OnRead(bool ok) {
    busy_ = false;
    if (!ok) {  // The client has said everything, or is gone.
      const bool fine = method_ == Method::kReflection;
      return Finish(fine ? grpc::Status::OK
                         : grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no request message"));
    }
    const std::string request = Text(message_);
    std::string answer;
    grpc::Status status;
    const bool parsed =
        method_ == Method::kReflection
            ? AnswerReflection(request, &answer)
            : AnswerHealth(request, services_.serving(), method_ == Method::kWatch, &status, &answer);
    if (!parsed) {
      return Finish({grpc::StatusCode::INVALID_ARGUMENT,
                     StrCat("the message is not a request of ", context_.method())});
    }
    if (!status.ok()) return Finish(status);
    if (method_ == Method::kCheck) {
      busy_ = finishing_ = true;
      return stream_.WriteAndFinish(Message(answer), {}, grpc::Status::OK, &finished_);
    }
    if (method_ == Method::kWatch) {
      request_ = request;
      last_ = answer;
    }
    Write(answer);
  }

  void OnWritten(bool) {
    busy_ = false;
    Next();
  }

  // Nothing is outstanding: what now?
  void Next() {
    if (finishing_) return;
    if (over_) return Finish(grpc::Status::CANCELLED);
    if (method_ == Method::kReflection) return Read();
    if (!std::exchange(changed_, false)) return;
    std::string answer;
    grpc::Status status;
    AnswerHealth(request_, services_.serving(), true, &status, &answer);
    if (answer != last_) Write(last_ = answer);
  }

  void OnDone() {
    over_ = true;
    if (!busy_ && !finishing_) return Finish(grpc::Status::CANCELLED);
    if (finishing_ && !busy_) Delete();
  }

  void OnFinished() {
    busy_ = false;
    if (over_) Delete();
  }

  void Read() {
    busy_ = true;
    stream_.Read(&message_, &read_);
  }
  void Write(const std::string& answer) {
    busy_ = true;
    stream_.Write(Message(answer), &wrote_);
  }
  void Finish(const grpc::Status& status) {
    busy_ = finishing_ = true;
    stream_.Finish(status, &finished_);
  }
  void Delete() {
    services_.Remove(this);
    lane_.Leave();
    delete this;
  }

  StandardServices& services_;
  grpc::AsyncGenericService& service_;
  GrpcLane& lane_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_;
  grpc::ByteBuffer message_;
  Method method_ = Method::kOther;
  std::string request_, last_;  // Watch.
  bool changed_ = false;        // Watch: the health may differ from last_.
  bool busy_ = false;           // An operation is outstanding.
  bool finishing_ = false;
  bool over_ = false;
  GrpcLane::Event arrived_ = [this](bool ok) { OnArrived(ok); };
  GrpcLane::Event read_ = [this](bool ok) { OnRead(ok); };
  GrpcLane::Event wrote_ = [this](bool ok) { OnWritten(ok); };
  GrpcLane::Event finished_ = [this](bool) { OnFinished(); };
  GrpcLane::Event done_ = [this](bool) { OnDone(); };
};

}  // namespace

bool AnswerHealth(const std::string& request_bytes, bool serving, bool watch, grpc::Status* status,
                  std::string* answer) {
  HealthCheckRequest request;
  if (!request.ParseFromString(request_bytes)) return false;
  HealthCheckResponse response;
  if (request.service().empty() || request.service() == "utils.XsfCall") {
    response.set_status(serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING);
  } else if (watch) {
    response.set_status(HealthCheckResponse::SERVICE_UNKNOWN);
  } else {
    *status = {grpc::StatusCode::NOT_FOUND,
               StrCat("no service \"", request.service(), "\"; ask for \"\" or utils.XsfCall")};
  }
  return response.SerializeToString(answer);
}

void StandardServices::AcceptCalls() {
  for (int i = 0; i < kPosted; ++i) new StandardCall(this, &service_, &lane_);
}

void StandardServices::SetServing(bool serving) {
  serving_ = serving;
  for (OpenCall* call : calls_) call->OnHealth();  // Which never removes one.
}

void StandardServices::CancelCalls() {
  for (OpenCall* call : calls_) call->Cancel();
}

}  // namespace aiges
