// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/message_json.h"

#include <string>

#include "loader/front/json_string.h"

namespace aiges::oip {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using nlohmann::ordered_json;

// One value; of a repeated field the one at `index`.
ordered_json ValueOf(const Message& message, const FieldDescriptor* field, int index) {
  const Reflection& r = *message.GetReflection();
  const bool many = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return many ? r.GetRepeatedBool(message, field, index) : r.GetBool(message, field);
    case FieldDescriptor::CPPTYPE_INT32:
      return many ? r.GetRepeatedInt32(message, field, index) : r.GetInt32(message, field);
    case FieldDescriptor::CPPTYPE_INT64:
      return many ? r.GetRepeatedInt64(message, field, index) : r.GetInt64(message, field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return many ? r.GetRepeatedUInt32(message, field, index) : r.GetUInt32(message, field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return many ? r.GetRepeatedUInt64(message, field, index) : r.GetUInt64(message, field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return many ? r.GetRepeatedFloat(message, field, index) : r.GetFloat(message, field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return many ? r.GetRepeatedDouble(message, field, index) : r.GetDouble(message, field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return (many ? r.GetRepeatedEnum(message, field, index) : r.GetEnum(message, field))->name();
    case FieldDescriptor::CPPTYPE_STRING:
      return VisibleUtf8(many ? r.GetRepeatedString(message, field, index)
                              : r.GetString(message, field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return JsonOf(many ? r.GetRepeatedMessage(message, field, index)
                         : r.GetMessage(message, field));
  }
  return nullptr;
}

std::string KeyOf(const ordered_json& key) {
  return key.is_string() ? key.get<std::string>() : key.dump();
}

ordered_json MapOf(const Message& message, const FieldDescriptor* field) {
  ordered_json map = ordered_json::object();
  const Reflection& r = *message.GetReflection();
  const auto* entry = field->message_type();
  for (int i = 0; i < r.FieldSize(message, field); ++i) {
    const Message& one = r.GetRepeatedMessage(message, field, i);
    map[KeyOf(ValueOf(one, entry->map_key(), 0))] = ValueOf(one, entry->map_value(), 0);
  }
  return map;
}

}  // namespace

ordered_json JsonOf(const Message& message) {
  ordered_json json = ordered_json::object();
  const Reflection& r = *message.GetReflection();
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (field->is_map()) {
      json[field->name()] = MapOf(message, field);
    } else if (field->is_repeated()) {
      ordered_json list = ordered_json::array();
      for (int k = 0; k < r.FieldSize(message, field); ++k) {
        list.push_back(ValueOf(message, field, k));
      }
      json[field->name()] = std::move(list);
    } else if (!field->has_presence() || r.HasField(message, field)) {
      json[field->name()] = ValueOf(message, field, 0);
    }
  }
  return json;
}

}  // namespace aiges::oip
