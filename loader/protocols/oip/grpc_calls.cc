// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/grpc_calls.h"

#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "inference.pb.h"
#include "loader/api/codes.h"
#include "loader/base/strings.h"
#include "loader/protocols/admin_rights.h"
#include "loader/protocols/oip/infer_call.h"

namespace aiges::oip {
namespace {

using google::protobuf::Message;

// One question, one answer, both whole.
template <class Request, class Response>
class AskCall final : public GrpcCall {
 public:
  using Ask = Status (*)(Server*, const Request&, Response*);

  AskCall(std::shared_ptr<Exchange> exchange, const GrpcEnv* grpc, Server* server, Ask ask)
      : GrpcCall(std::move(exchange), Kind::kUnary, grpc), server_(*server), ask_(ask) {}

 private:
  void OnMessage(Bytes message) override {
    Request request;
    Response response;
    if (message.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
        !request.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
      return Finish(
          {GrpcCode::kInvalidArgument, StrCat("the message is not a request of ", head().path())});
    }
    const Status status = ask_(&server_, request, &response);
    if (!status.ok()) return Finish(GrpcStatusOf(status));
    Send({Bytes::Own(response.SerializeAsString())});
    Finish({});
  }
  void OnOver(Over) override {}

  Server& server_;
  const Ask ask_;
};

// RepositoryModelLoad and RepositoryModelUnload: answered when that is done.
template <class Request, bool kLoad>
class ChangeCall final : public GrpcCall {
 public:
  ChangeCall(std::shared_ptr<Exchange> exchange, const GrpcEnv* grpc, Server* server)
      : GrpcCall(std::move(exchange), Kind::kUnary, grpc), server_(*server) {}

 private:
  void OnMessage(Bytes message) override {
    Request request;
    if (message.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
        !request.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
      return Finish(
          {GrpcCode::kInvalidArgument, StrCat("the message is not a request of ", head().path())});
    }
    // KServe's clients have the model's name in the first field.
    const bool kserve = request.model_name().empty() && !request.repository_name().empty();
    name_ = kserve ? request.repository_name() : request.model_name();
    kserve_ = kserve;
    if (!kserve && !request.repository_name().empty()) {
      return Finish({GrpcCode::kUnimplemented, "'repository_name' specification is not supported"});
    }
    const auto done = [this, exchange = exchange()](const Status& status) {
      exchange->lane().Post([this, exchange, status] {
        if (!exchange->over()) Answer(status);
      });
    };
    if constexpr (!kLoad) {
      TellAudit();
      return server_.Unload(name_, done);
    }
    LoadWish wish;
    const Status status = ReadWish(request, &wish);
    if (!status.ok()) return Finish(GrpcStatusOf(status));
    if (wish.own()) {
      const Status may =
          MayChange(AdminAsk::Of(*exchange()), server_.settings().service.admin_token,
                    AdminFrom::kThisMachine, "a load with files or a configuration");
      if (!may.ok()) return Finish({GrpcCode::kPermissionDenied, may.text});
    }
    TellAudit();
    server_.Load(name_, wish, done);
  }
  void OnOver(Over) override {}

  // That it may was told before its model was known.
  void TellAudit() {
    const AuditRef& audit = exchange()->caller().audit;
    if (audit != nullptr) audit->Tell({name_, "allowed"});
  }

  Status ReadWish(const Request& request, LoadWish* wish) const {
    for (const auto& [key, value] : request.parameters()) {
      constexpr std::string_view kFile = "file:";
      const bool file = key.starts_with(kFile);
      if (key != "config" && !file) {
        return Invalid(StrCat("unrecognized load parameter '", key, "'."));
      }
      if (!file &&
          value.parameter_choice_case() == inference::ModelRepositoryParameter::kStringParam) {
        wish->config = value.string_param();
      } else if (file && value.parameter_choice_case() ==
                             inference::ModelRepositoryParameter::kBytesParam) {
        wish->files.emplace_back(key.substr(kFile.size()), value.bytes_param());
      } else {
        return Invalid(StrCat("invalid value type for load parameter '", key, "', expected ",
                              file ? "bytes_param" : "string_param", '.'));
      }
    }
    return Status::Ok();
  }

  void Answer(const Status& status) {
    if (!status.ok()) return Finish(GrpcStatusOf(status));
    std::string answer;
    if (kserve_) {  // {string model_name = 1; bool isLoaded = 2}
      answer = StrCat('\x0a', static_cast<char>(std::min<size_t>(name_.size(), 127)),
                      name_.substr(0, 127), '\x10', '\x01');
    }
    Send({Bytes::Own(std::move(answer))});
    Finish({});
  }

  Server& server_;
  std::string name_;
  bool kserve_ = false;
};

Status CudaRefusal() {
  return Status::Error(StatusKind::kUnsupported, "CUDA shared memory is not supported");
}

Status ToLogs(const inference::LogSettingsRequest& request, Server::Logs* out) {
  for (const auto& [name, value] : request.settings()) {
    using Value = inference::LogSettingsRequest::SettingValue;
    switch (value.parameter_choice_case()) {
      case Value::kBoolParam:
        (*out)[name] = value.bool_param();
        break;
      case Value::kUint32Param:
        (*out)[name] = uint64_t{value.uint32_param()};
        break;
      case Value::kStringParam:
        (*out)[name] = value.string_param();
        break;
      default:
        return Invalid(StrCat("log setting '", name, "': expected a value"));
    }
  }
  return Status::Ok();
}

Status AskLogs(Server* server, const inference::LogSettingsRequest& request,
               inference::LogSettingsResponse* response) {
  Server::Logs changed, now;
  Status status = ToLogs(request, &changed);
  if (status.ok()) status = server->Log(changed, &now);
  if (!status.ok()) return status;
  for (const auto& [name, value] : now) {
    auto& to = (*response->mutable_settings())[name];
    if (const auto* truth = std::get_if<bool>(&value)) to.set_bool_param(*truth);
    if (const auto* text = std::get_if<std::string>(&value)) to.set_string_param(*text);
    if (const auto* number = std::get_if<uint64_t>(&value)) {
      to.set_uint32_param(static_cast<uint32_t>(*number));
    }
  }
  return status;
}

Status AskTrace(Server* server, const inference::TraceSettingRequest& request,
                inference::TraceSettingResponse* response) {
  Server::Traces changed, now;
  for (const auto& [name, values] : request.settings()) {
    changed[name] = {values.value().begin(), values.value().end()};
  }
  const Status status = server->Trace(request.model_name(), changed, &now);
  for (const auto& [name, values] : now) {
    auto& to = (*response->mutable_settings())[name];
    for (const std::string& value : values) to.add_value(value);
  }
  return status;
}

Status AskShm(Server* server, const inference::SystemSharedMemoryStatusRequest& request,
              inference::SystemSharedMemoryStatusResponse* response) {
  std::vector<ClientShm::Region> regions;
  const Status status = server->shm().List(request.name(), &regions);
  for (const ClientShm::Region& region : regions) {
    auto& to = (*response->mutable_regions())[region.name];
    to.set_name(region.name);
    to.set_key(region.key);
    to.set_offset(region.offset);
    to.set_byte_size(region.byte_size);
  }
  return status;
}

using Make =
    std::function<std::unique_ptr<Responder>(std::shared_ptr<Exchange>, const GrpcEnv*, Server*)>;

template <class Request, class Response>
Make Asks(Status (*ask)(Server*, const Request&, Response*)) {
  return [ask](std::shared_ptr<Exchange> exchange, const GrpcEnv* grpc, Server* server) {
    return std::make_unique<AskCall<Request, Response>>(std::move(exchange), grpc, server, ask);
  };
}

template <class Request, bool kLoad>
Make Changes() {
  return [](std::shared_ptr<Exchange> exchange, const GrpcEnv* grpc, Server* server) {
    return std::make_unique<ChangeCall<Request, kLoad>>(std::move(exchange), grpc, server);
  };
}

// By the name of the method.
const std::map<std::string_view, Make>& Methods();

std::map<std::string_view, Make> MetadataMethods() {
  using namespace inference;
  return {
      {"ServerLive", Asks(+[](Server*, const ServerLiveRequest&, ServerLiveResponse* r) {
         r->set_live(true);
         return Status::Ok();
       })},
      {"ServerReady", Asks(+[](Server* s, const ServerReadyRequest&, ServerReadyResponse* r) {
         r->set_ready(s->Ready());
         return Status::Ok();
       })},
      {"ModelReady", Asks(+[](Server* s, const ModelReadyRequest& q, ModelReadyResponse* r) {
         bool ready = false;
         const Status status = s->ModelReady(q.name(), q.version(), &ready);
         r->set_ready(ready);
         return status.kind == StatusKind::kInvalid ? status : Status::Ok();
       })},
      {"ServerMetadata",
       Asks(+[](Server* s, const ServerMetadataRequest&, ServerMetadataResponse* r) {
         s->Metadata(r);
         return Status::Ok();
       })},
      {"ModelMetadata",
       Asks(+[](Server* s, const ModelMetadataRequest& q, ModelMetadataResponse* r) {
         return s->Metadata(q.name(), q.version(), r);
       })},
      {"ModelConfig", Asks(+[](Server* s, const ModelConfigRequest& q, ModelConfigResponse* r) {
         return s->Config(q.name(), q.version(), r->mutable_config());
       })},
      {"ModelStatistics",
       Asks(+[](Server* s, const ModelStatisticsRequest& q, ModelStatisticsResponse* r) {
         return s->Statistics(q.name(), q.version(), r);
       })},
      {"RepositoryIndex",
       Asks(+[](Server* s, const RepositoryIndexRequest& q, RepositoryIndexResponse* r) {
         return s->Index(q.repository_name(), q.ready(), r);
       })},
  };
}

std::map<std::string_view, Make> ChangingMethods() {
  using namespace inference;
  return {
      {"RepositoryModelLoad", Changes<RepositoryModelLoadRequest, true>()},
      {"RepositoryModelUnload", Changes<RepositoryModelUnloadRequest, false>()},
      {"SystemSharedMemoryStatus", Asks(AskShm)},
      {"SystemSharedMemoryRegister", Asks(+[](Server* s, const SystemSharedMemoryRegisterRequest& q,
                                              SystemSharedMemoryRegisterResponse*) {
         return s->shm().Register({q.name(), q.key(), q.offset(), q.byte_size()});
       })},
      {"SystemSharedMemoryUnregister",
       Asks(+[](Server* s, const SystemSharedMemoryUnregisterRequest& q,
                SystemSharedMemoryUnregisterResponse*) { return s->shm().Unregister(q.name()); })},
      {"CudaSharedMemoryStatus",
       Asks(+[](Server*, const CudaSharedMemoryStatusRequest&, CudaSharedMemoryStatusResponse*) {
         return Status::Ok();
       })},
      {"CudaSharedMemoryRegister",
       Asks(+[](Server*, const CudaSharedMemoryRegisterRequest&,
                CudaSharedMemoryRegisterResponse*) { return CudaRefusal(); })},
      // There is nothing to take back; clients do so before they begin.
      {"CudaSharedMemoryUnregister",
       Asks(+[](Server*, const CudaSharedMemoryUnregisterRequest&,
                CudaSharedMemoryUnregisterResponse*) { return Status::Ok(); })},
      {"TraceSetting", Asks(AskTrace)},
      {"LogSettings", Asks(AskLogs)},
  };
}

const std::map<std::string_view, Make>& Methods() {
  static const std::map<std::string_view, Make> methods = [] {
    std::map<std::string_view, Make> all = MetadataMethods();
    all.merge(ChangingMethods());
    return all;
  }();
  return methods;
}

}  // namespace

GrpcStatus GrpcStatusOf(const Status& status) {
  const auto code = [&status] {
    if (status.code == kCodeUnauthenticated) return GrpcCode::kUnauthenticated;
    if (status.code == kCodeDenied) return GrpcCode::kPermissionDenied;
    if (status.code == kCodeLimited) return GrpcCode::kResourceExhausted;
    switch (status.kind) {
      case StatusKind::kOk:
        return GrpcCode::kOk;
      case StatusKind::kInvalid:
        return GrpcCode::kInvalidArgument;
      case StatusKind::kOverloaded:
      case StatusKind::kDisconnected:
        return GrpcCode::kUnavailable;
      case StatusKind::kDeadline:
        return GrpcCode::kDeadlineExceeded;
      case StatusKind::kCancelled:
        return GrpcCode::kCancelled;
      case StatusKind::kUnimplemented:
      case StatusKind::kUnsupported:
        return GrpcCode::kUnimplemented;
      case StatusKind::kNotFound:
        return GrpcCode::kNotFound;
      case StatusKind::kExists:
        return GrpcCode::kAlreadyExists;
      case StatusKind::kUnknown:
        return GrpcCode::kUnknown;
      case StatusKind::kInternal:
        return GrpcCode::kInternal;
    }
    return GrpcCode::kInternal;
  };
  return {code(), status.text};
}

Asker AskerOf(const Exchange& exchange, const ServiceSettings& settings) {
  Asker asker;
  asker.caller = exchange.caller();
  asker.id = RandomUuid();
  const Fields& fields = exchange.head().fields;
  for (const std::string& name : settings.header_pass) {
    const std::string low = Lowered(name);
    if (fields.Has(low)) asker.headers.emplace_back(name, fields.Find(low));
  }
  return asker;
}

std::unique_ptr<Responder> BeginGrpc(std::shared_ptr<Exchange> exchange, GrpcServices* env,
                                     Server* server, bool* known) {
  const std::string_view path = exchange->head().path();
  const std::string_view method = path.substr(path.rfind('/') + 1);
  *known = true;
  if (method == "ModelInfer") return MakeInferCall(std::move(exchange), env, server);
  if (method == "ModelStreamInfer") return MakeStreamInferCall(std::move(exchange), env, server);
  const auto found = Methods().find(method);
  *known = found != Methods().end();
  return *known ? found->second(std::move(exchange), &env->grpc, server) : nullptr;
}

}  // namespace aiges::oip
