// SPDX-License-Identifier: Apache-2.0
// loader/protocols/http_query.h: the query of a request, of which nothing is passed over.
//
// A misspelled key would change what is asked for without a word, so that an unknown key, and one
// that stands twice, is an error that names it and what was probably meant. Keys of the signed URLs
// that gateways check (host, date, authorization, serviceId) may stand anywhere; nothing here reads
// them. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/api/request.h"
#include "loader/protocols/engine_schema.h"

namespace aiges {

// What a path takes. A name that ends in '.' stands for all that begin with it ("p.").
using QueryNames = std::vector<std::string_view>;

struct CallQuery {
  std::optional<std::string> key;  // Of a payload that has no envelope; with `type` and `desc`.
  std::optional<DataType> type;
  Pairs desc;
  std::string output;  // The only output that is wanted; empty: all.
  Pairs params;
  std::optional<int64_t> timeout_ms;  // Positive.
};

// How the data of a call come and go, which decides what the query may say. kRaw: also of a form.
// kForm: of one that is answered with an envelope or plain JSON.
enum class CallForm { kEnvelope, kForm, kPlain, kRaw };

// kInvalid with kCodeConversion. `schema` knows parameters that somebody may have meant.
Status ReadCallQuery(const Pairs& query, CallForm form, const EngineSchema& schema, CallQuery* out);

// "timeout_ms". kInvalid as above.
Status ReadTimeout(const std::string& text, std::optional<int64_t>* out);
// Whether a key may stand in any query: gateways read it.
bool IsOfGateways(std::string_view key);

// The same without looking at values: for paths that are no calls.
Status CheckQuery(const Pairs& query, const QueryNames& names);

}  // namespace aiges
