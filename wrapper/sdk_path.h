// SPDX-License-Identifier: Apache-2.0
// wrapper/sdk_path.h: gives the worker's Python the host's own packages, whichever Python it is.
//
// `aiges` goes to the front of sys.path: hooks are called with its classes, so another `aiges`
// (PyPI's, in the user's environment) may be installed and is not taken. Stand-ins for packages of
// others (compat/) go to the end: a real one wins.
#pragma once

namespace aiges::shim {

// Does nothing where this library was copied away from its packages. Needs the GIL.
void OfferOwnPackages();

}  // namespace aiges::shim
