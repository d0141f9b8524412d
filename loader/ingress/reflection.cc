// The answers of grpc.reflection.v1.ServerReflection, from the descriptors compiled into us.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <set>

#include "loader/base/strings.h"
#include "loader/ingress/grpc_standard.h"
#include "reflection.pb.h"

namespace aiges {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

constexpr const char* kServices[] = {"utils.XsfCall", "aiges.v1.Stream", "grpc.health.v1.Health",
                                     "grpc.reflection.v1.ServerReflection"};
// The payload inside an XSF message is bytes to protobuf; clients find its type by name.
constexpr const char* kFiles[] = {"xsf.proto", "loader.proto", "stream.proto", "health.proto",
                                  "reflection.proto"};

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
  error->set_error_code(grpc::StatusCode::NOT_FOUND);
  error->set_error_message(StrCat(what, " is not known to this server"));
}

void SendFile(const FileDescriptor* file, const std::string& what,
              ServerReflectionResponse* response) {
  if (file == nullptr) return Fail(what, response);
  std::set<std::string> seen;
  AddFile(*file, &seen, response->mutable_file_descriptor_response());
}

}  // namespace

bool AnswerReflection(const std::string& request_bytes, std::string* answer) {
  ServerReflectionRequest request;
  if (!request.ParseFromString(request_bytes)) return false;
  ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case ServerReflectionRequest::kFileByFilename:
      SendFile(FileByName(request.file_by_filename()),
               StrCat("the file ", request.file_by_filename()), &response);
      break;
    case ServerReflectionRequest::kFileContainingSymbol:
      SendFile(FileOfSymbol(request.file_containing_symbol()),
               StrCat("the symbol ", request.file_containing_symbol()), &response);
      break;
    case ServerReflectionRequest::kFileContainingExtension:
      Fail("an extension", &response);  // proto3: there are none.
      break;
    case ServerReflectionRequest::kAllExtensionNumbersOfType: {
      const std::string& type = request.all_extension_numbers_of_type();
      if (FileOfSymbol(type) == nullptr) {
        Fail(StrCat("the type ", type), &response);
      } else {
        response.mutable_all_extension_numbers_response()->set_base_type_name(type);
      }
      break;
    }
    case ServerReflectionRequest::kListServices:
      for (const char* name : kServices) {
        response.mutable_list_services_response()->add_service()->set_name(name);
      }
      break;
    case ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      response.mutable_error_response()->set_error_code(grpc::StatusCode::INVALID_ARGUMENT);
      response.mutable_error_response()->set_error_message("the request asks for nothing");
      break;
  }
  return response.SerializeToString(answer);
}

}  // namespace aiges
