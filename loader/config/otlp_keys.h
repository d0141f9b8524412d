// SPDX-License-Identifier: Apache-2.0
// loader/config/otlp_keys.h: where traces go, and which.
//
// [otlp] wins over the environment, which is that of every program with OpenTelemetry
// (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables and .../protocol/
// exporter). A variable that makes no sense is said in the log and is as if it were not there; a
// key of the file is a mistake.
#pragma once

#include "loader/config/key_reader.h"

namespace aiges {

void ReadOtlp(KeyReader* keys, OtlpSettings* out);

}  // namespace aiges
