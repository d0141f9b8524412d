// SPDX-License-Identifier: Apache-2.0
// tests/loader/h1_peer.h: the front's HTTP/1.1 connection, and bytes on the other end.
#pragma once

#include "loader/front/h1_connection.h"
#include "tests/loader/byte_peer.h"

namespace aiges {

using H1Pair = BytePair<H1Connection, H1Limits>;

}  // namespace aiges
