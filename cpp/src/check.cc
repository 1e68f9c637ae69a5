#include "dkv20/check.h"

#include <cstdio>
#include <cstdlib>

namespace dkv20::internal {

void CheckFailed(const char* condition, const char* file, int line) noexcept {
  // Where standard error fails there is nobody left to tell.
  static_cast<void>(
      std::fprintf(stderr, "dkv20: %s:%d: does not hold: %s\n", file, line, condition));
  std::abort();
}

}  // namespace dkv20::internal
