// SPDX-License-Identifier: Apache-2.0
// The answers of grpc.reflection.v1.ServerReflection, from the descriptors compiled into us and
// those that the engine gives.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "loader/base/strings.h"
#include "loader/protocols/standard_calls.h"
#include "reflection.pb.h"

namespace aiges {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

// The payload inside an XSF message is bytes to protobuf; clients find its type by name.
constexpr const char* kFiles[] = {"xsf.proto",      "loader.proto", "stream.proto",
                                  "toolbox.proto",  "health.proto", "reflection.proto",
                                  "inference.proto"};

// A file after everything that it imports.
void AddFile(const FileDescriptor& file, std::set<std::string>* seen,
             grpc::reflection::v1::FileDescriptorResponse* out) {
  if (!seen->insert(file.name()).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), seen, out);
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  *out->add_file_descriptor_proto() = proto.SerializeAsString();
}

const FileDescriptor* FileOfSymbol(const std::string& symbol) {
  for (const char* name : kFiles) {
    const FileDescriptor* file = DescriptorPool::generated_pool()->FindFileByName(name);
    if (file != nullptr && file->pool()->FindFileContainingSymbol(symbol) == file) return file;
  }
  return nullptr;
}

const FileDescriptor* FileByName(const std::string& wanted) {
  for (const char* name : kFiles) {
    if (wanted == name) return DescriptorPool::generated_pool()->FindFileByName(name);
  }
  return nullptr;
}

void Fail(const std::string& what, ServerReflectionResponse* response) {
  auto* error = response->mutable_error_response();
  error->set_error_code(static_cast<int>(GrpcCode::kNotFound));
  error->set_error_message(StrCat(what, " is not known to this server"));
}

// Ours, else the engine's.
void SendFile(const FileDescriptor* file, std::vector<std::string> engines, const std::string& what,
              ServerReflectionResponse* response) {
  if (file == nullptr && engines.empty()) return Fail(what, response);
  auto* out = response->mutable_file_descriptor_response();
  std::set<std::string> seen;
  if (file != nullptr) return AddFile(*file, &seen, out);
  for (std::string& each : engines) out->add_file_descriptor_proto(std::move(each));
}

}  // namespace

bool AnswerReflection(std::string_view request_bytes, const EngineServices& engine,
                      std::string* answer) {
  ServerReflectionRequest request;
  if (!request.ParseFromArray(request_bytes.data(), static_cast<int>(request_bytes.size()))) {
    return false;
  }
  ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case ServerReflectionRequest::kFileByFilename:
      SendFile(FileByName(request.file_by_filename()),
               engine.FileByName(request.file_by_filename()),
               StrCat("the file ", request.file_by_filename()), &response);
      break;
    case ServerReflectionRequest::kFileContainingSymbol:
      SendFile(FileOfSymbol(request.file_containing_symbol()),
               engine.FileOfSymbol(request.file_containing_symbol()),
               StrCat("the symbol ", request.file_containing_symbol()), &response);
      break;
    case ServerReflectionRequest::kFileContainingExtension:
      Fail("an extension", &response);  // proto3: there are none.
      break;
    case ServerReflectionRequest::kAllExtensionNumbersOfType: {
      const std::string& type = request.all_extension_numbers_of_type();
      if (FileOfSymbol(type) == nullptr && engine.FileOfSymbol(type).empty()) {
        Fail(StrCat("the type ", type), &response);
      } else {
        response.mutable_all_extension_numbers_response()->set_base_type_name(type);
      }
      break;
    }
    case ServerReflectionRequest::kListServices:
      for (const std::string_view name : kGrpcServices) {
        response.mutable_list_services_response()->add_service()->set_name(std::string(name));
      }
      for (const std::string& name : engine.names()) {
        response.mutable_list_services_response()->add_service()->set_name(name);
      }
      break;
    case ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      response.mutable_error_response()->set_error_code(
          static_cast<int>(GrpcCode::kInvalidArgument));
      response.mutable_error_response()->set_error_message("the request asks for nothing");
      break;
  }
  return response.SerializeToString(answer);
}

}  // namespace aiges
