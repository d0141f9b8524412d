// SPDX-License-Identifier: Apache-2.0
// loader/protocols/schema_check.h: requests against what the engine declares ([http] validate).
//
// Errors are kInvalid with kCodeInvalidValue; the text names the place, what was expected and what
// came:
//   payload.img.image: expected a string, got 5
// "pattern" and "format" of a schema are not looked at: their checks could take a request for ever.
// Immutable after construction; thread-safe.
#pragma once

#include <memory>
#include <string_view>

#include "loader/protocols/engine_schema.h"
#include "loader/protocols/once.h"

namespace aiges {

class SchemaCheck {
 public:
  // Keeps what it needs of the schema. problem() is not empty where it cannot be used: then
  // everything passes.
  explicit SchemaCheck(const EngineSchema& schema);
  ~SchemaCheck();

  const std::string& problem() const { return problem_; }
  // The body of a JSON envelope that ParseEnvelope took.
  Status Envelope(std::string_view body) const;
  // A raw call: its one payload and its parameters, which come as text.
  Status Raw(const OnceCall& call) const;

 private:
  struct Rules;
  std::unique_ptr<Rules> rules_;
  std::string problem_;
};

}  // namespace aiges
