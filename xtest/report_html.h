// SPDX-License-Identifier: Apache-2.0
// xtest/report_html.h: one HTML file with all of a run: no scripts, nothing from the network, light
// and dark, readable on a phone. Pure.
#pragma once

#include <string>
#include <vector>

#include "xtest/result.h"
#include "xtest/slo.h"

namespace aiges {

std::string ReportHtml(const RunResult& result, const std::vector<SloTerm>& slo);

}  // namespace aiges
