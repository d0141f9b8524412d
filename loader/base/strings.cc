#include "loader/base/strings.h"

#include <system_error>

namespace aiges {

std::string ErrnoText(int error) { return std::generic_category().message(error); }

}  // namespace aiges
