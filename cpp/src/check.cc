#include "check.h"

#include <cstdio>
#include <cstdlib>

namespace dkv20::internal {

void CheckFailed(const char* condition, const char* file, int line) noexcept {
  // The process ends whether or not the message can be written.
  static_cast<void>(
      std::fprintf(stderr, "dkv20: %s:%d: check failed: %s\n", file, line, condition));
  std::abort();
}

}  // namespace dkv20::internal
