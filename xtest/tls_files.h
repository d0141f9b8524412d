// SPDX-License-Identifier: Apache-2.0
// xtest/tls_files.h: the PEM files of a run that speaks TLS.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "loader/base/status.h"
#include "xtest/plan.h"

namespace aiges {

// Nothing where the plan has no TLS; a file that cannot be used is an error, in `problem`.
std::unique_ptr<boost::asio::ssl::context> MakeTlsContext(const TlsFiles& files,
                                                          std::string* problem);
// The files can be read, and fit each other.
Status CheckTlsFiles(const TlsFiles& files);

}  // namespace aiges
