// SPDX-License-Identifier: Apache-2.0
// loader/protocols/content_type.h: media types of data that go over HTTP as they are.
//
// Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "loader/api/request.h"
#include "loader/protocols/engine_schema.h"

namespace aiges {

// The Content-Type of an output. In this order: what the engine says of it (attributes mime,
// content_type, encoding, format); what its first bytes show; what the engine declares (JSON); text
// of UTF-8; bytes. Fits on a header line.
std::string ContentTypeOf(const Payload& output, const EngineSchema& schema);

// By the first bytes; empty where they show none of the formats that are looked for.
std::string_view TypeOfBytes(std::string_view data, DataType type);

// What an engine takes a body of this Content-Type for.
DataType TypeOfContent(std::string_view content_type);
// By the Content-Type where it tells, else what is declared for the input (nullptr: nothing is).
DataType TypeOfInput(std::string_view content_type, const EngineSchema::Field* declared);

// "multipart/form-data" of `Multipart/Form-Data; boundary=x`: lower case, without parameters.
std::string MediaType(std::string_view content_type);

// Whether a client that sends this Accept header takes that media type (RFC 9110, section 12.5.1).
// Everything where there is no header (nullptr, or empty).
bool Accepts(const std::string* accept, std::string_view media_type);

}  // namespace aiges
