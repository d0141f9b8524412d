// SPDX-License-Identifier: Apache-2.0
#include "wrapper/sdk_path.h"

#include <Python.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "wrapper/py_error.h"
#include "wrapper/python_ptr.h"

namespace aiges::shim {
namespace {

namespace fs = std::filesystem;

// The folder that this library lies in.
fs::path OwnFolder() {
  Dl_info info;
  if (::dladdr(reinterpret_cast<void*>(&OfferOwnPackages), &info) == 0) return {};
  std::error_code failed;
  return fs::canonical(info.dli_fname, failed).parent_path();
}

bool HasSdk(const fs::path& folder) {
  std::error_code failed;
  return fs::exists(folder / "aiges" / "sdk.py", failed);
}

std::vector<fs::path> FoldersIn(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (const fs::directory_entry& each : fs::directory_iterator(folder, failed)) {
    if (each.is_directory(failed)) found.push_back(each.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

Ref ToStr(const fs::path& path) {
  std::error_code failed;
  return Ref::Steal(PyUnicode_DecodeFSDefault(fs::weakly_canonical(path, failed).c_str()));
}

}  // namespace

void OfferOwnPackages() {
  const fs::path own = OwnFolder();
  PyObject* path = PySys_GetObject("path");
  if (own.empty() || path == nullptr || PyList_Check(path) == 0) return;
  // As the build and the wheel lay them out, then as the images do.
  fs::path sdk = own / ".." / "sdk", compat = own / ".." / "compat";
  if (!HasSdk(sdk)) sdk = own / "python", compat = own / "compat";
  if (!HasSdk(sdk)) return;
  const Ref first = ToStr(sdk);
  if (!first || PyList_Insert(path, 0, first.get()) != 0) TakePythonError();
  for (const fs::path& each : FoldersIn(compat)) {
    const Ref last = ToStr(each);
    const int known = last ? PySequence_Contains(path, last.get()) : -1;
    if (known < 0 || (known == 0 && PyList_Append(path, last.get()) != 0)) TakePythonError();
  }
}

}  // namespace aiges::shim
