# SPDX-License-Identifier: Apache-2.0
# Makes a header with the text of a file: cmake -DINPUT= -DOUTPUT= -DNAME= -DNAMESPACE= -P this.
file(READ ${INPUT} text)
file(WRITE ${OUTPUT}
"// Made from ${INPUT}. Do not edit.
#pragma once
namespace ${NAMESPACE} {
inline constexpr const char* ${NAME} = R\"embedded(${text})embedded\";
}  // namespace ${NAMESPACE}
")
