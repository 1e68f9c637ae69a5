#include "dkv20/error.h"

#include <array>

namespace dkv20 {

std::string_view ErrorName(ErrorCode code) noexcept {
  // In the order of ErrorCode.
  static constexpr std::array<std::string_view, 21> kNames = {
      "replica-count",    "key-length", "value-length",   "unknown-replica", "no-leader",
      "not-leader",       "truncated",  "bad-magic",      "bad-version",     "bad-term",
      "bad-count",        "key-order",  "trailing-bytes", "key-space",       "count",
      "unknown-scenario", "diverged",   "line-length",    "unknown-command", "syntax",
      "no-cluster"};
  static_assert(kNames.size() == static_cast<std::size_t>(ErrorCode::kNoCluster) + 1);
  return kNames[static_cast<std::size_t>(code)];
}

}  // namespace dkv20
